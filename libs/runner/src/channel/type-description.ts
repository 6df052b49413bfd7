import { SUBTASK_KIND_NAMES, SUBTASK_KINDS } from '@longshore/core';
import type { RunnerKind } from './runner-kind.ts';
import type { SchedulerExtension, TaskType, TaskTypeDefaults } from '@longshore/sdk';

/** A task type as data: what the control plane knows about it. */
export interface TypeDescription {
  readonly type: string;
  readonly version: string;
  readonly description: string;
  readonly contract: number;
  readonly steps: readonly string[];
  readonly hooks: readonly string[];
  /** JSON Schema of the meta that a submit may send. */
  readonly schema: Record<string, unknown>;
  readonly defaults: TaskTypeDefaults;
  /** Whether a runner serves several tasks of the type, one after the other. Default true. */
  readonly isReused?: boolean;
  /** What its runners live in. */
  readonly runner: RunnerKind;
}

/** Optional hooks that become control subtasks, or change how steps follow one another. */
const HOOKS = [
  'nextStep',
  ...SUBTASK_KIND_NAMES.filter((kind) => kind !== 'work' && kind !== 'plan').flatMap(
    (kind) => SUBTASK_KINDS[kind].hook ?? [],
  ),
] as readonly (keyof SchedulerExtension)[];

/** Describes a loaded type. */
export function describeType(type: TaskType): TypeDescription {
  return {
    type: type.type,
    version: type.version,
    description: type.description ?? '',
    contract: type.contract,
    steps: type.steps,
    hooks: HOOKS.filter((hook) => type.scheduler[hook] !== undefined),
    schema: type.meta['~standard'].jsonSchema.input({ target: 'draft-2020-12' }),
    defaults: type.defaults ?? {},
    ...(type.reuse === false && { isReused: false }),
    runner: type.runner ?? 'thread',
  };
}
