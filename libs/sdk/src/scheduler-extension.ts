import type { HookContext } from './hook-context.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { CandidateNode, Placement } from './placement.ts';

/** One subtask that a plan asks for. */
export interface PlannedSubtask {
  /** The work's description: JSON of at most 64 KiB. */
  readonly meta: JsonValue;
  /** Expected rows, for progress and the remaining time. */
  readonly rows?: number;
  /** Expected bytes. */
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
  /** Number of nodes over which the step will be spread, as of now. */
  readonly nodeCount: number;
}

/** What `eligibleNodes` gets. */
export interface PlacementContext<Meta = unknown, Settings = unknown> extends PlanContext<Meta, Settings> {
  /** Live nodes that offer the type, in the task's scope, whose labels fit the task's selectors; in order of their ids. */
  readonly nodes: readonly CandidateNode[];
}

/**
 * The part of a task type that plans. All its hooks run on executors, as control subtasks. They may be retried after a
 * crash, so each must be safe to run again.
 */
export interface SchedulerExtension<Meta = unknown, Settings = unknown> {
  /**
   * Runs once, before admission. Look at the input, check the target, and say what the task needs. Throw a permanent error if the
   * task can't work; nothing has been changed by then.
   */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  prepare?(context: HookContext<Meta, Settings>): Promise<Prepared<Meta> | void>;
  /** The subtasks of a step, in order. Without any, the step is skipped. Pages are written during the iteration; the plan counts as a whole. */
  planStep(
    context: PlanContext<Meta, Settings>,
    step: string,
  ): AsyncIterable<PlannedSubtask> | Iterable<PlannedSubtask>;
  /**
   * Where a step's subtasks may run, if that depends on more than scope and selectors: data on some nodes, a device, a
   * zone. Asked before the step is planned, and again while it runs whenever the nodes that the task could use, or their labels,
   * change. Pending subtasks move to nodes that they may use; running ones stay. While no live node fits, the task waits
   * (`NO_NODE_FITS`). The retry policy handles errors. If the step runs already and the hook fails for good, the last answer stays
   * valid, and the task's events show the error. Without this hook a step runs on all nodes of the task.
   */
  eligibleNodes?(context: PlacementContext<Meta, Settings>, step: string): Promise<Placement>;
  /**
   * Returns the step after `current` (null: before the first step), or null after the last one. Without this hook the steps
   * run in the order of the definition.
   */
  nextStep?(context: HookContext<Meta, Settings>, current: string | null): Promise<string | null>;
  /** Runs after the last step. Returns the task's result (JSON of at most 64 KiB). Must be idempotent. */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  onDone?(context: HookContext<Meta, Settings>): Promise<JsonValue | void>;
  /**
   * Keeps something alive in the target while the task's work may need it: a registration that expires, an import mode. One of the
   * task's nodes calls it when the first step starts, and every `tickIntervalMs` from then on. It goes on while the task awaits resolution,
   * and while the revert waits for subtasks that still run. It rests while the task is paused. If its node is lost, another one calls it as
   * soon as the node is declared dead. It ends before `revert` and `cleanUp` start, which take away what it kept. It runs at the same
   * time as `onDone`.
   *
   * Calls never overlap: the next one comes `tickIntervalMs` after the start of the last one, or when the last one ends, whichever is later.
   * A call shares its thread with the task's subtasks on that node, so keep it short. What it renews should live for several intervals,
   * and for at least the ten seconds that replacing a lost node takes. All calls belong to one subtask: use `read` or `effectSession` of a
   * connection, as `effectOnce` does its work in the first call alone.
   *
   * @throws an error that may pass is logged, counted (`longshore.tick.failures`) and shown with the subtask; the next call comes as usual.
   * A permanent error fails the task.
   */
  onTick?(context: HookContext<Meta, Settings>): Promise<void>;
  /**
   * The time from one start of `onTick` to the next, in milliseconds: 100 to 3,600,000, default 10,000. Raise it where what is kept
   * lives for long. A shorter one costs the target more statements.
   */
  readonly tickIntervalMs?: number;
  /**
   * Undoes the task's effects after all its work has stopped. Must be idempotent. It has begun once it uses a connection, or at once where
   * the type has no `connections`. When it fails before that, a person may let the task go on: undo nothing before.
   */
  revert?(context: HookContext<Meta, Settings>): Promise<void>;
  /**
   * Returns the whole meta after a user changed some keys of a running task. Without this hook no key can change. The type's schema
   * checks the result again. A permanent error refuses the change: the task continues as before.
   *
   * @param changes the user's request, not checked yet.
   */
  modifyMeta?(context: HookContext<Meta, Settings>, changes: JsonObject): Promise<Meta>;
  /**
   * Removes what the task left behind, after every end. Must be idempotent; a failure never delays the task's result.
   *
   * @returns the meta for history, without secrets; nothing: history keeps the meta as it is.
   */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  cleanUp?(context: HookContext<Meta, Settings>): Promise<{ readonly meta?: JsonValue } | void>;
  /** Whether an error without a `permanent` flag may pass by itself. Default: yes. */
  isRetryableError?(error: unknown): boolean;
}
