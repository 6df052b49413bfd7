import { setTimeout as wait } from 'node:timers/promises';

/**
 * Waits.
 *
 * @param ms - milliseconds; 0 or more.
 * @throws the signal's reason as soon as it is aborted, and not the timer's own error, which says nothing.
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
