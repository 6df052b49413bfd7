import type { RunSpec } from '../channel/messages.ts';

/** How many runs have begun, and whether the turn is closed. One number, so that a close knows exactly what had begun. */
const BEGUN = 0;
/** Runs that have come to their end. */
const DONE = 1;
const CLOSED = 1 << 30;

/** Runs that a runner carries out one after the other, as its parent sees them. */
export interface TurnOfRuns {
  /** Ends the turn after what has begun. @returns the runs that haven't begun, and now won't; none the second time. */
  takeBack(): readonly string[];
  /** The run that was under way when the runner ended; null: none was. */
  readonly underWay: string | null;
  /** A run of it has come to its end. */
  ended(runId: string): void;
}

/** The memory that both sides of a turn share. */
export function turnMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Runs that a runner carries out one after the other: one message for many small subtasks. What has not begun can be taken back at any
 * time and at once, also from a thread that is blocked or has ended, because the count of what has begun lies in shared memory.
 */
export class Turn implements TurnOfRuns {
  readonly #runIds: readonly string[];
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(runs: readonly Pick<RunSpec, 'runId'>[], memory: SharedArrayBuffer) {
    this.#runIds = runs.map((run) => run.runId);
    this.#cells = new Int32Array(memory);
  }

  takeBack(): readonly string[] {
    const before = Atomics.or(this.#cells, BEGUN, CLOSED);
    return before >= CLOSED ? [] : this.#runIds.slice(before);
  }

  get underWay(): string | null {
    const begun = Math.min(Atomics.load(this.#cells, BEGUN) & ~CLOSED, this.#runIds.length);
    return begun > Atomics.load(this.#cells, DONE) ? (this.#runIds[begun - 1] ?? null) : null;
  }

  /** The runner has counted it in the shared memory already, and begins the next one by itself. */
  ended(): void {
    // Nothing is left to do.
  }
}

/** The runner's side of a turn. */
export class TurnOfRunner {
  readonly #runs: readonly RunSpec[];
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(runs: readonly RunSpec[], memory: SharedArrayBuffer) {
    this.#runs = runs;
    this.#cells = new Int32Array(memory);
  }

  /** The next run, which is begun by asking for it; undefined: none is left, or the rest was taken back. */
  begin(): RunSpec | undefined {
    const index = Atomics.load(this.#cells, BEGUN);
    if (index >= this.#runs.length) return undefined;
    return Atomics.compareExchange(this.#cells, BEGUN, index, index + 1) === index ? this.#runs[index] : undefined;
  }

  /** The run that was begun last has come to its end. */
  done(): void {
    Atomics.add(this.#cells, DONE, 1);
  }
}
