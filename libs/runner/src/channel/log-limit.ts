/** What may be logged a second, and how much at once when nothing was for a while. */
export interface LogRate {
  readonly perSecond: number;
  readonly atOnce: number;
}

/**
 * Lines of one runner: a person reads a few, a collector takes hundreds. Each costs the executor's main thread about 20 µs, so 100,000 of them
 * would keep it from renewing its lease.
 */
export const LINE_RATE: LogRate = { perSecond: 200, atOnce: 2_000 };

/** Bytes that plugin code writes to the console, which the executor passes on. */
export const OUTPUT_RATE: LogRate = { perSecond: 64 * 1024, atOnce: 1024 * 1024 };

/**
 * Messages of one runner. Small subtasks make some thousands a second; a thread that posts in a loop makes hundreds of thousands, which would fill the
 * executor's memory and keep its main thread from everything else.
 */
export const MESSAGE_RATE: LogRate = { perSecond: 20_000, atOnce: 60_000 };

/** Lets through what a rate allows, and counts the rest. */
export class LogLimit {
  readonly #rate: LogRate;
  readonly #now: () => number;
  #left: number;
  #at: number;
  #dropped = 0;

  /** @param now a monotonic clock, in milliseconds. */
  constructor(rate: LogRate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
    this.#left = rate.atOnce;
    this.#at = now();
  }

  /** Whether this may go on. @param amount of lines or bytes. Default 1. */
  take(amount = 1): boolean {
    const now = this.#now();
    const { perSecond, atOnce } = this.#rate;
    this.#left = Math.min(atOnce, this.#left + ((now - this.#at) * perSecond) / 1_000);
    this.#at = now;
    if (this.#left < amount) {
      this.#dropped += amount;
      return false;
    }
    this.#left -= amount;
    return true;
  }

  /** What was left out since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
