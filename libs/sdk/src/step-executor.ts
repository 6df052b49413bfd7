import type { HookContext } from './hook-context.ts';
import type { JsonValue } from './json.ts';
import type { Throttle } from './throttle.ts';

/** Slots and memory that a running subtask has. */
export interface SubtaskResource {
  readonly slots: number;
  /** Memory of its slots, in bytes. A runner that uses more is ended. */
  readonly memoryBytes: number;
}

/** What `runSubtask` gets. */
export interface SubtaskContext<Meta = unknown, Settings = unknown> extends HookContext<Meta, Settings> {
  readonly subtask: {
    /** Decimal string of 64 bits. */
    readonly id: string;
    readonly step: string;
    /** Position in its step, from 1. */
    readonly ordinal: number;
    /** Its meta from the plan. */
    readonly meta: JsonValue;
    /** The same for every attempt of this subtask: for targets that take an idempotency key. */
    readonly idempotencyKey: string;
  };
  /** What an earlier attempt stored with `saveCheckpoint`, or null. */
  readonly checkpoint: JsonValue;
  /**
   * Stores how far the subtask is, for the next attempt. Resolves when it is stored.
   *
   * @param value JSON of at most 64 KiB.
   */
  readonly saveCheckpoint: (value: JsonValue) => Promise<void>;
  readonly resource: SubtaskResource;
  /** The task's budget and health gates: ask before each batch. */
  readonly throttle: Throttle;
}

/**
 * What a running subtask counts, by name: `rows`, `bytes`, and the type's own. Whole numbers from 0 that only grow; at most 16 names
 * of letters, digits and `_`, at most 40 characters. What doesn't fit is left out.
 */
export type RealtimeSummary = Readonly<Record<string, number>>;

/** Runs the subtasks of one step in one runner. One instance per runner and step; `runSubtask` may be called concurrently. */
export interface StepExecutor<Meta = unknown, Settings = unknown> {
  /**
   * Runs once before the first subtask: load what all subtasks need. Connections from its context stay open until after
   * `cleanup`, for any number of subtasks. Its signal aborts when the subtask that initialises is stopped.
   */
  init?(context: HookContext<Meta, Settings>): Promise<void>;
  /**
   * Does one subtask's work. It may run again after a crash or a move, while an earlier attempt still runs
   * somewhere. So its effects must go through the context's connections.
   *
   * @returns data for the next step's plan (JSON of at most 64 KiB), or nothing.
   */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook without a result just ends
  runSubtask(context: SubtaskContext<Meta, Settings>): Promise<JsonValue | void>;
  /**
   * What a running subtask has counted in this attempt. Asked once a second and at its end; shown in `task show` and `task watch` beside
   * the progress, in events and in metrics. Cheap: it counts in memory. `SummaryCounters` brings this hook and the next one.
   */
  realtimeSummary?(subtaskId: string): RealtimeSummary;
  /** An attempt of a subtask begins, or its counters were read for the last time: begin anew, and forget them. */
  resetSummary?(subtaskId: string): void;
  /**
   * Called when the task's meta was modified while subtasks of this step run here: take over what you can. Running subtasks are not
   * stopped; later ones find the new meta in their context. Without this hook running subtasks keep the old meta.
   *
   * @throws if it can't take the meta over now. It is called again a little later.
   */
  taskMetaModified?(meta: Meta): Promise<void>;
  /**
   * Called when the slots of each running subtask of this step changed: adapt before it resolves. If there are fewer, others get the
   * difference right afterwards. If there are more, they are available already. Without this hook running subtasks keep their slots to
   * their end.
   *
   * @throws if it can't adapt now. Everything stays, and it is called again a little later.
   */
  resourceModified?(resource: SubtaskResource): Promise<void>;
  /** Runs once after the last subtask, also after a failure. Errors are only logged. */
  cleanup?(): Promise<void>;
}
