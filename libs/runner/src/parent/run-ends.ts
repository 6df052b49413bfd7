import type { Host } from './host.ts';
import type { RunEnd } from '../channel/messages.ts';

/** How long the end of a run waits for others of its turn, in milliseconds: what a crash may make run again. */
const LONGEST_WAIT_MS = 5;

/** Ends of the runs of one turn on their way to the executor, several in one message. */
export class RunEnds {
  readonly #host: Host;
  #ends: RunEnd[] = [];
  #firstAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Takes in an end. The next run begins after this call, so what has waited long enough leaves now. */
  add(end: RunEnd): void {
    const now = performance.now();
    if (this.#ends.length === 0) {
      this.#firstAt = now;
      this.#timer = setTimeout(() => this.flush(), LONGEST_WAIT_MS);
    }
    this.#ends.push(end);
    if (now - this.#firstAt >= LONGEST_WAIT_MS) this.flush();
  }

  flush(): void {
    clearTimeout(this.#timer);
    if (this.#ends.length === 0) return;
    const ends = this.#ends;
    this.#ends = [];
    this.#host.send({ kind: 'settled', ends });
  }
}
