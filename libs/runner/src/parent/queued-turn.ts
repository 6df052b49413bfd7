import type { RunSpec } from '../channel/messages.ts';
import type { TurnOfRuns } from './turn.ts';

/**
 * A turn of a runner with which no memory can be shared: the parent hands its runs over one by one. So what has not begun is here, and can be
 * taken back at once.
 */
export class QueuedTurn implements TurnOfRuns {
  readonly #waiting: RunSpec[];
  readonly #start: (run: RunSpec) => void;
  #underWay: string | null = null;

  /** @param start hands a run over. */
  constructor(runs: readonly RunSpec[], start: (run: RunSpec) => void) {
    this.#waiting = [...runs];
    this.#start = start;
    this.#next();
  }

  takeBack(): readonly string[] {
    return this.#waiting.splice(0).map((run) => run.runId);
  }

  get underWay(): string | null {
    return this.#underWay;
  }

  ended(runId: string): void {
    if (runId === this.#underWay) this.#next();
  }

  #next(): void {
    const run = this.#waiting.shift();
    this.#underWay = run?.runId ?? null;
    if (run !== undefined) this.#start(run);
  }
}
