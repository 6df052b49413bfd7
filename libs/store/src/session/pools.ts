import type pg from 'pg';

/** Where statements are sent that Kysely doesn't send: a pool, or one session of it. */
export type StatementTarget = Pick<pg.ClientBase, 'query'>;

const pools = new WeakMap<object, pg.Pool>();
const sessions = new WeakMap<object, StatementTarget>();

/** Tells where the transactions of a database get their sessions from. */
export function keepPool(db: object, pool: pg.Pool): void {
  pools.set(db, pool);
}

/** Tells which session a database of one session is. */
export function keepSession(db: object, session: StatementTarget): void {
  sessions.set(db, session);
}

/** @throws {TypeError} for a database that `openStore` has not opened. */
export function poolOf(db: object): pg.Pool {
  const pool = pools.get(db);
  if (pool === undefined) throw new TypeError('transactions are for a database that openStore has opened');
  return pool;
}

/** @throws {TypeError} for a database that `openStore` has not opened. */
export function targetOf(db: object): StatementTarget {
  return sessions.get(db) ?? poolOf(db);
}
