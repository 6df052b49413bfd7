import type { Waiting } from './waiting-reasons.ts';

/** A statement that takes longer is shown as what its hook waits for, in milliseconds. */
const LONG_STATEMENT_MS = 2_000;

/**
 * What shows that a hook goes on beside the progress that it reports: statements in a target, planned subtasks, calls of `onTick`. Whoever
 * writes a hook need not think of it.
 */
export class SignsOfLife {
  readonly #statements = new Set<{ readonly connection: string; readonly since: number }>();
  #isNew = false;
  #isResting = false;
  /** What was reported last. */
  #shown: string | null = null;

  /** It goes on. */
  sign(): void {
    this.#isNew = true;
  }

  /** Its statement begins on a connection. @returns what ends it. */
  statement(connection: string): () => void {
    const begun = { connection, since: performance.now() };
    this.#statements.add(begun);
    this.sign();
    return () => {
      this.#statements.delete(begun);
      this.sign();
    };
  }

  /** Nothing is to be expected of it until the returned function is called. */
  rest(): () => void {
    this.#isResting = true;
    this.sign();
    return () => {
      this.#isResting = false;
      this.sign();
    };
  }

  get isResting(): boolean {
    return this.#isResting;
  }

  /** The statement that has taken longest, where that is long: a wait of its own. Null: none has. */
  get waiting(): Waiting | null {
    const [oldest] = this.#statements;
    if (oldest === undefined) return null;
    const forMs = performance.now() - oldest.since;
    if (forMs < LONG_STATEMENT_MS) return null;
    return { code: 'TARGET_STATEMENT', message: `it waits for a statement in ${oldest.connection}`, forMs };
  }

  /** Whether there is something that was not reported yet; asking counts as reporting. */
  takeChange(): boolean {
    const shown = this.waiting?.message ?? null;
    const isChanged = this.#isNew || shown !== this.#shown;
    this.#isNew = false;
    this.#shown = shown;
    return isChanged;
  }
}
