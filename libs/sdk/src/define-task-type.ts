import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { CONTRACT_VERSION, usedHooks } from './contract.ts';
import type { Extension } from './extension.ts';
import type { SchedulerExtension } from './scheduler-extension.ts';

/** A schema that validates and can give its JSON Schema: zod 4, or any other library with Standard Schema and JSON Schema. */
export type MetaSchema<Meta = unknown> = StandardSchemaV1<unknown, Meta> & StandardJSONSchemaV1<unknown, Meta>;

/** Settings of a task of this type that its submit doesn't name. */
export interface TaskTypeDefaults {
  /** Slots on each node, at least 1. Default 1. */
  readonly slots?: number;
  /** Slots of one subtask; a node runs `slots / slotsPerSubtask` of the task's subtasks at once. Default: all of `slots`. */
  readonly slotsPerSubtask?: number;
  /** The most nodes. Default: all. */
  readonly maxNodes?: number;
  /** What a failure leads to. Default `revert`. */
  readonly onFailure?: 'revert' | 'hold';
  /** How often a failing subtask is tried, and how long it waits between. */
  readonly retry?: {
    /** Default 5. */
    readonly maxFailures?: number;
    /** Default 1,000. */
    readonly initialMs?: number;
    /** Default 2. */
    readonly factor?: number;
    /** Default 60,000. */
    readonly maxMs?: number;
    /** Share of a wait that is drawn at random, 0..1. Default 0.2. */
    readonly jitter?: number;
    /** Error codes that are never tried again, even if the error says that it may pass. Default: none. */
    readonly nonRetryableCodes?: readonly string[];
  };
  /**
   * Error codes that pause a task instead of failing it, such as a full disk. They are not tried again. If all failures of a task have
   * such codes, it is paused until somebody resumes it. Default: none.
   */
  readonly pauseOn?: readonly string[];
  /** How long one attempt of a subtask may run, in milliseconds, at least 100; a longer one counts as a failure. Default: no limit. */
  readonly subtaskTimeoutMs?: number;
  /**
   * How long a subtask may go without progress, checkpoint or a reason to wait, in milliseconds, at least 100; longer counts as a
   * failure. Default: no limit.
   */
  readonly stallTimeoutMs?: number;
  /** How long a task may take from its submit, in milliseconds, without paused time. Default: no limit. */
  readonly deadlineMs?: number;
}

export interface TaskTypeDefinition<Meta = unknown, Settings = unknown> {
  /** The name that a submit uses: lower case, letters, digits and `-`. */
  readonly type: string;
  /** `major.minor.patch` of the type; a task keeps the version that it was submitted with. */
  readonly version: string;
  /** One line for `longshore type list`. */
  readonly description?: string;
  /** Schema of a task's meta. The owner validates a submit against its JSON Schema. */
  readonly meta: MetaSchema<Meta>;
  /** Schema of an executor's settings for this type on its machine, such as allowed folders. */
  readonly settings?: StandardSchemaV1<unknown, Settings>;
  /** Names of the steps in their order, at least one. */
  readonly steps: readonly string[];
  readonly defaults?: TaskTypeDefaults;
  /**
   * Subtasks of one step at most, 1 to 100,000,000. A plan with more fails with STEP_TOO_LARGE: it would fill the store. Raise it for a type
   * that needs more; lower it to find a plan without end sooner. The cluster may have a lower limit. Default: the cluster's, or 1,000,000.
   */
  readonly maxSubtasksPerStep?: number;
  /**
   * What it runs in. `thread`: a worker thread of the executor, which starts fast and shares its process. `process`: a process of its own,
   * for native code that can't be loaded in a thread, or whose crash would end the executor. It costs some 40 MB and a few hundred
   * milliseconds for each start, and hands small subtasks over one by one. Default `thread`.
   */
  readonly runner?: 'thread' | 'process';
  /**
   * Whether a runner that has served one task of the type may serve the next one, which then begins at once. False for a type, or a library
   * of it, that keeps something of a task in the memory of its thread: each task waits for a thread of its own to start (some 0.3 s).
   * A runner whose built-in objects or global variables a task has changed is never given to another. Default true.
   */
  readonly reuse?: boolean;
  /**
   * Names of the connections that a meta uses; refused before anything runs when an executor lacks one. Hooks get these, and no other.
   * Default: none.
   */
  connections?(meta: Meta): readonly string[];
  readonly scheduler: SchedulerExtension<Meta, Settings>;
  readonly executor: Extension<Meta, Settings>;
}

/** A task type as an executor loads it: the default export of its package. */
export interface TaskType<Meta = unknown, Settings = unknown> extends TaskTypeDefinition<Meta, Settings> {
  /** Tells a task type from other exports of a package. */
  readonly kind: 'longshore.task-type';
  /** The version of the SDK contract that it was built for. An executor refuses one outside of its range (PLUGIN_CONTRACT). */
  readonly contract: number;
  /**
   * Its attempts begin with the progress that their checkpoint had. Absent in types of an SDK whose attempts began with none: they add it
   * themselves, and begin with none as before.
   */
  readonly continuesProgress?: true;
  /** The optional hooks that it uses, such as `scheduler.prepare`. An executor refuses a type with one that it doesn't know. */
  readonly hooks: readonly string[];
}

/** The time between two calls of `onTick`, in milliseconds, where a type names none: several fit into what is kept for a minute. */
export const DEFAULT_TICK_INTERVAL_MS = 10_000;

/** The highest `maxSubtasksPerStep`. */
const HIGHEST_STEP_LIMIT = 100_000_000;

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const STEP = /^[a-z][a-z0-9_-]{0,63}$/;
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/**
 * Declares a task type. Export the result as the package's default.
 *
 * @throws {TypeError} when the name, version, steps or runner are not well formed, or the interval of `onTick` or the limit of subtasks is
 * out of its bounds.
 */
export function defineTaskType<Meta, Settings = undefined>(
  definition: TaskTypeDefinition<Meta, Settings>,
): TaskType<Meta, Settings> {
  if (!NAME.test(definition.type)) {
    throw new TypeError(
      `task type name ${JSON.stringify(definition.type)}: lower case letters, digits and "-", at most 64`,
    );
  }
  if (!VERSION.test(definition.version)) {
    throw new TypeError(
      `version ${JSON.stringify(definition.version)} of ${definition.type}: expected major.minor.patch`,
    );
  }
  if (definition.steps.length === 0 || !definition.steps.every((step) => STEP.test(step))) {
    throw new TypeError(`steps of ${definition.type}: at least one, lower case letters, digits, "-" and "_"`);
  }
  if (new Set(definition.steps).size !== definition.steps.length) {
    throw new TypeError(`steps of ${definition.type}: each name once`);
  }
  const runners: readonly unknown[] = ['thread', 'process', undefined];
  if (!runners.includes(definition.runner)) {
    throw new TypeError(`runner ${JSON.stringify(definition.runner)} of ${definition.type}: "thread" or "process"`);
  }
  const { tickIntervalMs = DEFAULT_TICK_INTERVAL_MS } = definition.scheduler;
  if (!(tickIntervalMs >= 100 && tickIntervalMs <= 3_600_000)) {
    throw new TypeError(
      `tickIntervalMs ${tickIntervalMs} of ${definition.type}: expected 100 to 3,600,000 milliseconds`,
    );
  }
  const { maxSubtasksPerStep = 1 } = definition;
  if (!(Number.isInteger(maxSubtasksPerStep) && maxSubtasksPerStep >= 1 && maxSubtasksPerStep <= HIGHEST_STEP_LIMIT)) {
    throw new TypeError(
      `maxSubtasksPerStep ${maxSubtasksPerStep} of ${definition.type}: expected a whole number from 1 to ${HIGHEST_STEP_LIMIT}`,
    );
  }
  return {
    ...definition,
    kind: 'longshore.task-type',
    contract: CONTRACT_VERSION,
    continuesProgress: true,
    hooks: usedHooks(definition),
  };
}
