import type { ErrorData } from '@longshore/core';
import type { Run } from './run.ts';

/** How long an attempt may take, in milliseconds; null: for ever. */
export interface RunTimeouts {
  readonly subtaskTimeoutMs: number | null;
  readonly stallTimeoutMs: number | null;
}

/**
 * Why a run has to be stopped for its time; null: it hasn't. What waits for its budget, its gates, or for what it says it waits for
 * is not stalled.
 *
 * @param now by the monotonic clock, in milliseconds.
 */
export function overdueError(
  { claimed, startedAt, aliveAt, throttled, waiting }: Run,
  { subtaskTimeoutMs, stallTimeoutMs }: RunTimeouts,
  now: number,
): ErrorData | null {
  // Only what may simply run again is tried again.
  const permanent = !claimed.isIdempotent;
  if (subtaskTimeoutMs !== null && now - startedAt > subtaskTimeoutMs) {
    return { code: 'SUBTASK_TIMEOUT', message: `it ran longer than ${subtaskTimeoutMs} ms`, permanent };
  }
  const isWaiting = throttled !== null || waiting !== null;
  if (stallTimeoutMs !== null && !isWaiting && now - aliveAt > stallTimeoutMs) {
    return { code: 'SUBTASK_STALLED', message: `it made no progress for ${stallTimeoutMs} ms`, permanent };
  }
  return null;
}
