import { setTimeout as wait } from 'node:timers/promises';

/**
 * Waits, or ends with the signal.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
