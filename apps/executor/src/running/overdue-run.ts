import { isKnownSubtaskKind, SUBTASK_KINDS, type ErrorData } from '@longshore/core';
import type { Run } from './run.ts';

/** How long an attempt may take, in milliseconds; null: for ever. */
export interface RunTimeouts {
  readonly subtaskTimeoutMs: number | null;
  readonly stallTimeoutMs: number | null;
}

/** How long hooks may go on without progress. */
export interface HookPatience {
  /** In milliseconds. Then it is stopped and tried again. */
  readonly hookStallMs: number;
  /** Whether its task goes on without hooks that hang. */
  readonly isForced: boolean;
}

/** A hook that has made no progress for so long is shown to wait, and is left out where its task was forced, in milliseconds. */
const SILENT_MS = 30_000;

/**
 * Why a run has to be stopped for its time; null: it hasn't. What waits for its budget, its gates, or for what it says it waits for
 * is not stalled.
 *
 * @param now by the monotonic clock, in milliseconds.
 */
export function overdueError(
  run: Run,
  { subtaskTimeoutMs, stallTimeoutMs }: RunTimeouts,
  now: number,
): ErrorData | null {
  // Only what may simply run again is tried again.
  const permanent = !run.claimed.isIdempotent;
  if (subtaskTimeoutMs !== null && now - run.startedAt > subtaskTimeoutMs) {
    return { code: 'SUBTASK_TIMEOUT', message: `it ran longer than ${subtaskTimeoutMs} ms`, permanent };
  }
  if (stallTimeoutMs !== null && !isWaiting(run) && now - run.aliveAt > stallTimeoutMs) {
    return { code: 'SUBTASK_STALLED', message: `it made no progress for ${stallTimeoutMs} ms`, permanent };
  }
  return null;
}

/**
 * Why a hook has to be stopped; null: it hasn't. A hook may take as long as it likes while it makes progress, or says what it waits for:
 * a revert of hours is legitimate. Whoever forces a task doesn't want to wait for either: then only progress counts.
 *
 * @param now by the monotonic clock, in milliseconds.
 */
export function stalledHookError(run: Run, { hookStallMs, isForced }: HookPatience, now: number): ErrorData | null {
  const { kind } = run.claimed;
  const silentMs = now - run.aliveAt;
  const limitMs = Math.min(SILENT_MS, hookStallMs);
  if (isForced && isLeftOutByForce(kind) && silentMs >= limitMs) {
    const message = `${kind} made no progress for ${limitMs} ms, and its task goes on without what hangs`;
    return { code: 'SUBTASK_STALLED', message, permanent: true };
  }
  if (isWaiting(run) || silentMs < hookStallMs) return null;
  return { code: 'SUBTASK_STALLED', message: `${kind} made no progress for ${hookStallMs} ms`, permanent: false };
}

/** Whether a hook has shown no progress for so long, without a reason, that it is shown to wait. */
export function isSilent(run: Run, { hookStallMs }: HookPatience, now: number): boolean {
  return !isWaiting(run) && now - run.aliveAt >= Math.min(SILENT_MS, hookStallMs / 2);
}

function isWaiting({ throttled, waiting, isResting }: Run): boolean {
  return throttled !== null || waiting !== null || isResting;
}

function isLeftOutByForce(kind: string): boolean {
  return isKnownSubtaskKind(kind) && SUBTASK_KINDS[kind].isLeftOutByForce;
}
