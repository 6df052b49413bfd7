import type { ModifyRequest } from '@longshore/protocol';
import type { CallOptions, WatchOptions } from '../connection/client-options.ts';

/** How to pause, resume, skip or revert. */
export interface ControlOptions extends CallOptions {
  /** Why, for the task's events; at most 1,000 characters. Default: no reason is noted. */
  readonly reason?: string | undefined;
}

/** How to cancel. */
export interface CancelOptions extends ControlOptions {
  /**
   * Skips hooks of the task's type that can't run, as its package is gone or broken; what they would have undone stays, and the
   * task's events name them. Default false: the cancel waits until they can run. Use it when nobody can mend the type.
   */
  readonly force?: boolean | undefined;
}

/**
 * What to change of a task; at least one of them. What is absent stays; null takes a limit away. A `throttle` replaces the whole
 * budget. `slots` alone keeps a subtask that had all of them at all of them. `meta` are the keys that the task's type lets be
 * changed, with their new values.
 */
export type TaskChanges = ModifyRequest['changes'];

/** How to modify: its reason, and how to follow it until it is applied. */
export interface ModifyOptions extends ControlOptions, WatchOptions {}

/** How to retry. */
export interface RetryOptions extends ModifyOptions {
  /** Changes these keys of the meta first, as `modify({ meta })` does. Default: the meta stays. */
  readonly meta?: TaskChanges['meta'];
}

/** Which subtasks. */
export interface SubtaskFilters extends CallOptions {
  /** Only those in these states: `pending`, `running`, `failed`, … Default: all. */
  readonly states?: readonly string[] | undefined;
  /** Only those of this step. Default: all. */
  readonly step?: string | undefined;
  /** Only those with a larger id. Default: from the first. */
  readonly after?: string | undefined;
}
