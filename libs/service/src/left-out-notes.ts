import { isRowLocked, type OnLeftOut } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

/** Says what a round could not write: once when it begins, however many rounds it lasts. */
export class LeftOutNotes {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #todo: string;
  #known: ReadonlySet<string> = new Set();
  #found = new Set<string>();

  /** @param todo what was to be done, such as `freed`. */
  constructor(logger: Pick<Logger, 'warn'>, todo: string) {
    this.#logger = logger;
    this.#todo = todo;
  }

  note({ what, error }: Parameters<OnLeftOut>[0]): void {
    this.#found.add(what);
    if (this.#known.has(what)) return;
    const why = isRowLocked(error) ? ': another session has locked the row' : '';
    this.#logger.warn(
      why === '' ? { error } : {},
      `${what} can't be ${this.#todo} yet${why}; looking again each round`,
    );
  }

  /** What was not named in this round is new when it is named again. */
  endRound(): void {
    this.#known = this.#found;
    this.#found = new Set();
  }
}
