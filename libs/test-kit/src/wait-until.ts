import { setTimeout as wait } from 'node:timers/promises';

export interface WaitUntilOptions {
  /** Give up after this many milliseconds. Default 90,000: far beyond what anything takes on a busy machine. */
  readonly timeoutMs?: number;
  /** What is said when it gives up, besides the last value. */
  readonly what: string;
}

/** How often the condition is looked at, in milliseconds. */
const LOOK_MS = 25;

/**
 * Waits until a value satisfies a condition: a state to be reached, never a time to pass.
 *
 * @throws {Error} with the last value seen, when the deadline passes.
 */
export async function waitUntil<T>(
  read: () => Promise<T> | T,
  isDone: (value: T) => boolean,
  options: WaitUntilOptions,
): Promise<T> {
  const deadline = performance.now() + (options.timeoutMs ?? 90_000);
  for (;;) {
    const value = await read();
    if (isDone(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(`gave up waiting for ${options.what}; the last look saw: ${JSON.stringify(value)}`);
    }
    await wait(LOOK_MS);
  }
}
