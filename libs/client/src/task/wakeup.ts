import { orAborted } from '@longshore/core';

/** Remembers that somebody said "look now", so that a hint that comes while nobody waits is not lost. */
export class Wakeup {
  #isSet = false;
  #waiting: (() => void) | undefined;

  /** Wakes the waiter, or lets the next wait return at once. Any number of calls wake once. */
  readonly wake = (): void => {
    this.#isSet = true;
    this.#waiting?.();
  };

  /** Forgets what was said up to now: call it before looking, never after. */
  reset(): void {
    this.#isSet = false;
  }

  /**
   * Resolves at the next wake-up, after `ms` milliseconds at the latest.
   *
   * @throws the signal's reason when it aborts first.
   */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isSet) return;
    let timer: NodeJS.Timeout | undefined;
    const woken = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, ms));
      this.#waiting = resolve;
    });
    try {
      await orAborted(woken, signal);
    } finally {
      this.#waiting = undefined;
      clearTimeout(timer);
    }
  }
}
