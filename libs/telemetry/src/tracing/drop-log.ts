import type { Logger } from '../create-logger.ts';

/** A warning about lost spans at most this often, in milliseconds: a collector that is away loses them by the thousand. */
const SAY_EVERY_MS = 10_000;

/** Counts lost spans, and says so now and then. */
export class DropLog {
  readonly #logger: Logger;
  #total = 0;
  #said = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get total(): number {
    return this.#total;
  }

  note(spans: number, why: string): void {
    this.#total += spans;
    if (performance.now() - this.#saidAt < SAY_EVERY_MS) return;
    this.#logger.warn({ spans: this.#total - this.#said, total: this.#total, why }, 'spans were lost');
    this.#said = this.#total;
    this.#saidAt = performance.now();
  }
}
