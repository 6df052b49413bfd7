import { once } from 'node:events';
import {
  defineTaskType,
  stopReason,
  SubtaskPostponed,
  SubtaskStopped,
  TaskTypeError,
  type MetaSchema,
  type SubtaskContext,
} from '@longshore/sdk';

const behaviours: Readonly<Record<string, (context: SubtaskContext) => unknown>> = {
  'tell-classes': () => import.meta.resolve('@longshore/sdk'),
  postpone: () => {
    throw new SubtaskPostponed({ code: 'LOCK_HELD', message: 'pid 7 holds the lock' }, 5_000);
  },
  'wait-for-stop': async ({ signal }) => {
    if (!signal.aborted) await once(signal, 'abort');
    return { reason: stopReason(signal), isStopped: SubtaskStopped.is(signal.reason) };
  },
  'throw-stop': async ({ signal }) => {
    if (!signal.aborted) await once(signal, 'abort');
    signal.throwIfAborted();
  },
  'fail-for-good': () => {
    throw new TaskTypeError('PACKED_BAD_ROW', 'row 7 is bad', { details: { row: 7 }, cause: new Error('below') });
  },
  'fail-for-now': () => {
    throw new TaskTypeError('PACKED_BUSY', 'come back later', { permanent: false });
  },
  'fail-hopelessly': () => {
    throw new Error('hopeless');
  },
  'fail-somehow': () => {
    throw new Error('something');
  },
  'catch-host-error': ({ connection }) => {
    try {
      return connection('nowhere').name;
    } catch (error) {
      return TaskTypeError.is(error) ? { code: error.code, permanent: error.permanent } : 'not recognised';
    }
  },
};

/** Accepts everything. */
const meta: MetaSchema<Record<string, unknown>> = {
  '~standard': {
    version: 1,
    vendor: 'packed',
    validate: (value) => ({ value: value as Record<string, unknown> }),
    jsonSchema: { input: () => ({ type: 'object' }), output: () => ({ type: 'object' }) },
  },
};

export default defineTaskType<Record<string, unknown>>({
  type: 'packed',
  version: '1.0.0',
  meta,
  steps: ['work'],
  scheduler: { planStep: () => [], ...{ onMoonrise: () => undefined } },
  executor: {
    getStepExecutor: () => ({
      runSubtask: async (context) => {
        const { does } = context.subtask.meta as { readonly does: string };
        return (await behaviours[does]?.(context)) as never;
      },
    }),
    isRetryableError: (error) => !(error instanceof Error && error.message === 'hopeless'),
  },
});
