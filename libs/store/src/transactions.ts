import { setTimeout as wait } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import type { Database } from './database.ts';
import { storeError } from './open-store.ts';

export type Db = Kysely<Database>;
export type Tx = Transaction<Database>;

/** Deadlock and serialization failure: Postgres chose this transaction to give way, the same one may pass now. */
const RETRIED_STATES: ReadonlySet<unknown> = new Set(['40P01', '40001']);
/** Enough for any storm seen in the chaos runs (at most 3 in a row); more means a lock order is broken. */
const MAX_TRIES = 8;

/**
 * Runs `work` in one READ COMMITTED transaction; deadlocks are tried again, so `work` must have no effect outside of it.
 * Said explicitly because a server's default may differ, and the forms used here leak under other levels.
 *
 * @throws {LongshoreError} STORE_UNAVAILABLE when Postgres can't be reached; whatever `work` throws.
 */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction().setIsolationLevel('read committed').execute(work);
    } catch (thrown) {
      const code = (thrown as { code?: unknown } | null)?.code;
      if (!RETRIED_STATES.has(code) || tries >= MAX_TRIES) throw storeError(thrown);
      await wait(Math.random() * 10 * tries);
    }
  }
}
