import { SubtaskPostponed } from '@longshore/sdk';
import { isLockTimeout, pause } from '@longshore/sdk/postgres';
import type { LockHolder } from '../catalog/lock-holder.ts';
import { describeHolder } from '../catalog/lock-holder.ts';
import type { ShowWaiting } from './show-waiting.ts';

/** The pause after the first try, in milliseconds: some short transactions long. It doubles. */
const FIRST_PAUSE_MS = 250;
/**
 * The longest pause, in milliseconds. Each try keeps writers behind it for up to the lock time-out; with this between two tries
 * that is a fiftieth of the time by default.
 */
const MAX_PAUSE_MS = 5_000;

/**
 * From a pause of this length on, with some 8 s behind it, a subtask gives its slot back instead, and begins anew after a longer one,
 * in milliseconds: so that its six tries are a fiftieth of the time as well.
 */
const LONG_PAUSE_MS = 5_000;
const POSTPONE_MS = 20_000;

export interface LockRetries {
  readonly signal: AbortSignal;
  readonly show: ShowWaiting;
  /** Who is in the way now. */
  readonly holder: () => Promise<LockHolder | null>;
  /** How often at most; after the last one the time-out is thrown. Default: a subtask's, which gives its slot back after some. */
  readonly maxTries?: number;
}

/**
 * Tries something that waits for a lock with a `lock_timeout` until it comes through. A waiting request for a strong lock keeps everybody
 * who comes after it waiting too, so it gives up soon, lets them through, and tries again later.
 *
 * @throws {SubtaskPostponed} without `maxTries`, when it has waited for long.
 */
export async function withLockRetries<T>(options: LockRetries, attempt: () => Promise<T>): Promise<T> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isLockTimeout(error) || tries >= (options.maxTries ?? Infinity)) throw error;
    }
    const reason = { code: 'LOCK_HELD', message: describeHolder(await options.holder()) };
    if (pauseMs >= LONG_PAUSE_MS && options.maxTries === undefined) throw new SubtaskPostponed(reason, POSTPONE_MS);
    const hide = options.show(reason);
    try {
      await pause(pauseMs, options.signal);
    } finally {
      hide();
    }
    pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
  }
}
