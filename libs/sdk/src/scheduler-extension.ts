import type { HookContext } from './hook-context.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { CandidateNode, Placement } from './placement.ts';

/** One subtask that a plan asks for. */
export interface PlannedSubtask {
  /** The work's description: JSON of at most 64 KiB. */
  readonly meta: JsonValue;
  /** Rows that it is expected to be, for progress and the time left. */
  readonly rows?: number;
  /** Bytes that it is expected to be. */
  readonly bytes?: number;
}

/** What `prepare` may change before the task is admitted. */
export interface Prepared<Meta> {
  readonly meta?: Meta;
  /** Slots on each node, at least 1. */
  readonly slots?: number;
  /** The most nodes it may use, at least 1. */
  readonly maxNodes?: number;
}

/** What `planStep` gets. */
export interface PlanContext<Meta = unknown, Settings = unknown> extends HookContext<Meta, Settings> {
  /** How many nodes the step will be spread over, as of now. */
  readonly nodeCount: number;
}

/** What `eligibleNodes` gets. */
export interface PlacementContext<Meta = unknown, Settings = unknown> extends PlanContext<Meta, Settings> {
  /** Live nodes that offer the type, in the task's scope, whose labels fit the task's selectors; in order of their ids. */
  readonly nodes: readonly CandidateNode[];
}

/**
 * The part of a task type that plans. All of its hooks run on executors, as control subtasks: they may be retried after a
 * crash, so each must be safe to run again.
 */
export interface SchedulerExtension<Meta = unknown, Settings = unknown> {
  /**
   * Once, before admission: look at the input, check the target, and say what it needs.
   * Throw a permanent error for what can't work; nothing has been changed by then.
   */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  prepare?(context: HookContext<Meta, Settings>): Promise<Prepared<Meta> | void>;
  /** The subtasks of a step, in order. None skips the step. Written page by page while it is iterated; atomic in effect. */
  planStep(
    context: PlanContext<Meta, Settings>,
    step: string,
  ): AsyncIterable<PlannedSubtask> | Iterable<PlannedSubtask>;
  /**
   * Where a step's subtasks may run, for what depends on more than scope and selectors: data that lies on some nodes, a device, a
   * zone. Asked before the step is planned, and again while it runs whenever the nodes that the task could use, or their labels, are
   * others. Pending subtasks move to where they may run now; what runs is left alone. While no live node fits, the task waits
   * (`NO_NODE_FITS`). An error is tried again by the retry policy; where the step runs already, an error for good leaves what was
   * answered before, and is shown in the task's events. Without this hook a step runs on all of the task's nodes.
   */
  eligibleNodes?(context: PlacementContext<Meta, Settings>, step: string): Promise<Placement>;
  /**
   * The step after `current` (null: before the first one); null when there is no further step. Without this hook the steps
   * run in the order of the definition.
   */
  nextStep?(context: HookContext<Meta, Settings>, current: string | null): Promise<string | null>;
  /** After the last step. What it returns is the task's result (JSON of at most 64 KiB). Must be idempotent. */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  onDone?(context: HookContext<Meta, Settings>): Promise<JsonValue | void>;
  /** Undoes what the task did, after everything of it has stopped. Must be idempotent. */
  revert?(context: HookContext<Meta, Settings>): Promise<void>;
  /**
   * The whole meta after a user changed some of its keys while the task was under way; without this hook none can be changed. It is
   * checked against the type's schema again. A permanent error refuses the change: the task continues as before.
   *
   * @param changes what the user asked for, not checked by anybody yet.
   */
  modifyMeta?(context: HookContext<Meta, Settings>, changes: JsonObject): Promise<Meta>;
  /**
   * Removes what the task left behind, after every end. Must be idempotent; a failure never delays the task's result.
   *
   * @returns the meta that history keeps, with what is secret taken out; nothing: it is kept as it is.
   */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  cleanUp?(context: HookContext<Meta, Settings>): Promise<{ readonly meta?: JsonValue } | void>;
  /** Whether an error without a `permanent` flag of its own may pass by itself. Default: yes. */
  isRetryableError?(error: unknown): boolean;
}
