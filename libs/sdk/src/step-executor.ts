import type { HookContext } from './hook-context.ts';
import type { JsonValue } from './json.ts';
import type { Throttle } from './throttle.ts';
import type { WaitingReason } from './waiting-reason.ts';

/** Slots and memory that a running subtask has. */
export interface SubtaskResource {
  readonly slots: number;
  /** What its slots buy, in bytes. A runner beyond it is ended. */
  readonly memoryBytes: number;
}

/** How much of its subtask a hook has done; added up over subtasks for the task's progress. */
export interface Progress {
  /** Adds to what was done. Cheap: it is counted in memory and reported at most once a second. */
  add(done: { readonly rows?: number; readonly bytes?: number }): void;
  /**
   * Says what the hook is doing now, for people: a few words, at most 200 characters, such as a phase of the target's own. Shown with
   * the subtask until it says something else; null: nothing. Cheap, like `add`.
   */
  phase(name: string | null): void;
}

/** What `runSubtask` gets. */
export interface SubtaskContext<Meta = unknown, Settings = unknown> extends HookContext<Meta, Settings> {
  readonly subtask: {
    /** Decimal string of 64 bits. */
    readonly id: string;
    readonly step: string;
    /** Position in its step, from 1. */
    readonly ordinal: number;
    /** What the plan said of it. */
    readonly meta: JsonValue;
    /** The same for every attempt of this subtask: for targets that take an idempotency key. */
    readonly idempotencyKey: string;
  };
  /** What an earlier attempt stored with `saveCheckpoint`, or null. */
  readonly checkpoint: JsonValue;
  /**
   * Stores how far the subtask came, for the attempt after this one. Resolves when it is stored.
   *
   * @param value JSON of at most 64 KiB.
   */
  readonly saveCheckpoint: (value: JsonValue) => Promise<void>;
  readonly progress: Progress;
  readonly resource: SubtaskResource;
  /** The task's budget and health gates: ask before each batch. */
  readonly throttle: Throttle;
  /**
   * Says what this subtask waits for, until the function that it returns is called. Shown with since when in `task show`,
   * `task watch` and the API. The newest reason counts when there are several.
   */
  readonly waiting: (reason: WaitingReason) => () => void;
}

/**
 * What a running subtask counts, by name: `rows`, `bytes`, and the type's own. Whole numbers from 0 that only grow; at most 16 names
 * of letters, digits and `_`, at most 40 characters. What doesn't fit is left out.
 */
export type RealtimeSummary = Readonly<Record<string, number>>;

/** Runs the subtasks of one step in one runner. One instance per runner and step; `runSubtask` may be called concurrently. */
export interface StepExecutor<Meta = unknown, Settings = unknown> {
  /**
   * Once before the first subtask: load what all of them need. Connections that it takes from the context stay open until after
   * `cleanup`, however many subtasks come and go; the context's signal is aborted when the subtask that initialises is stopped.
   */
  init?(context: HookContext<Meta, Settings>): Promise<void>;
  /**
   * Does one subtask's work. It may run again after a crash or a move, and an earlier attempt may still be running
   * somewhere: effects go through the context's connections.
   *
   * @returns what the next step's plan may need (JSON of at most 64 KiB), or nothing.
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
   * The task's meta was modified while subtasks of this step run here: take over what can be taken over. They are not stopped for it;
   * subtasks that start later find the new meta in their context. Without this hook that is all.
   *
   * @throws when it can't be taken over now: it is asked again a little later.
   */
  taskMetaModified?(meta: Meta): Promise<void>;
  /**
   * The slots of each running subtask of this step changed: conform before this resolves. With fewer, they are given to others right
   * after it; with more, they are there already. Without this hook running subtasks keep their slots to their end.
   *
   * @throws when it can't be done now: everything stays, and it is asked again a little later.
   */
  resourceModified?(resource: SubtaskResource): Promise<void>;
  /** Once after the last subtask, also after a failure. Errors are logged, nothing more. */
  cleanup?(): Promise<void>;
}
