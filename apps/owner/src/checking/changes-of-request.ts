import { LongshoreError, type RuntimeSlots, type TaskChanges } from '@longshore/core';
import type { ModifyRequest, SubmitRequest } from '@longshore/protocol';
import type { StoredTask, StoredType } from '@longshore/store';

/** What a value of a request says, without the names that it leaves out. */
export function definedOf<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** @throws {LongshoreError} ARGUMENT_INVALID when a step is none of the type's. */
export function runtimeSlotsOf(
  type: StoredType,
  { max, steps }: NonNullable<SubmitRequest['runtimeSlots']>,
): RuntimeSlots {
  const unknown = steps?.find((step) => !type.steps.includes(step));
  if (unknown !== undefined) {
    throw new LongshoreError(
      'ARGUMENT_INVALID',
      `runtimeSlots.steps: ${type.type} has no step ${JSON.stringify(unknown)}; it has: ${type.steps.join(', ')}`,
    );
  }
  return steps === undefined ? { max } : { max, steps };
}

/**
 * What a modification changes, as far as it can be checked before it is applied.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID naming the field.
 */
export function changesOf(task: StoredTask, type: StoredType | null, request: ModifyRequest['changes']): TaskChanges {
  const { runtimeSlots, throttle, retry, meta, ...plain } = request;
  const slots = plain.slots ?? task.slots;
  if (plain.slotsPerSubtask !== undefined && plain.slotsPerSubtask > slots) {
    throw new LongshoreError(
      'ARGUMENT_INVALID',
      `changes.slotsPerSubtask: ${plain.slotsPerSubtask} is more than the task's ${slots} slots`,
    );
  }
  if (meta !== undefined && type?.hooks.includes('modifyMeta') !== true) {
    throw new LongshoreError('ARGUMENT_INVALID', `changes.meta: ${task.type} does not allow changes of its meta`);
  }
  const changes = {
    ...plain,
    meta,
    throttle: throttle === undefined || throttle === null ? throttle : definedOf(throttle),
    retry: retry === undefined ? undefined : definedOf(retry),
    runtimeSlots:
      runtimeSlots === undefined || runtimeSlots === null || type === null
        ? (runtimeSlots as null | undefined)
        : runtimeSlotsOf(type, runtimeSlots),
  };
  return definedOf(changes);
}
