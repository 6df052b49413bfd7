import { findUnlockedTasks, type Db } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

/**
 * Tasks whose rows somebody else had locked when a pass wanted to write them. Passes leave them as they are, so that they delay no other task.
 * Before each pass one look finds those that nobody has locked any more, and waits for nothing.
 */
export class LockedTasks {
  readonly #db: Db;
  readonly #logger: Pick<Logger, 'warn'>;
  #ids: ReadonlySet<string> = new Set();

  constructor(db: Db, logger: Pick<Logger, 'warn'>) {
    this.#db = db;
    this.#logger = logger;
  }

  /** Forgets the tasks that are locked no more. @returns ids of the others. */
  async look(): Promise<ReadonlySet<string>> {
    if (this.#ids.size === 0) return this.#ids;
    const unlocked = await findUnlockedTasks(this.#db, [...this.#ids]);
    this.#ids = new Set([...this.#ids].filter((id) => !unlocked.has(id)));
    return this.#ids;
  }

  /** Adds what a pass has found locked. */
  note(ids: readonly string[]): void {
    for (const id of ids) {
      this.#logger.warn(
        { task_id: id },
        'a task waits: another session has locked its row; looking again with each pass',
      );
    }
    this.#ids = new Set([...this.#ids, ...ids]);
  }
}
