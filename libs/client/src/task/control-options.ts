import type { ModifyRequest } from '@longshore/protocol';
import type { CallOptions, WatchOptions } from '../connection/client-options.ts';

/** How to pause, resume, skip, revert or restart, or to end a clean-up. */
export interface ControlOptions extends CallOptions {
  /** Why, for the task's events; at most 1,000 characters. Default: no reason is noted. */
  readonly reason?: string | undefined;
}

/** How to cancel. */
export interface CancelOptions extends ControlOptions {
  /**
   * Leaves out hooks of the task's type that can't run because its package is gone or broken, and those that make no progress for 30 s.
   * Effects that they would have undone stay, and the task's events name the hooks. Default false: the cancel waits for them. Use it when
   * nobody can repair the type.
   */
  readonly force?: boolean | undefined;
}

/**
 * What to change; at least one field. Absent fields stay; null removes a limit. A `throttle` replaces the whole budget. With `slots`
 * alone, a subtask that had all slots has all of them again. `meta` has the keys that the task's type allows, with their new values.
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
