import { orAborted } from './or-aborted.ts';

/**
 * Waits.
 *
 * @param ms milliseconds; below 0 counts as 0.
 * @throws the signal's reason as soon as it is aborted.
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.max(0, ms))));
  try {
    await orAborted(passed, signal);
  } finally {
    clearTimeout(timer);
  }
}
