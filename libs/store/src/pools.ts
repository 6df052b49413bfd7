import type pg from 'pg';

const pools = new WeakMap<object, pg.Pool>();

/** Tells where the transactions of a database get their sessions from. */
export function keepPool(db: object, pool: pg.Pool): void {
  pools.set(db, pool);
}

/** @throws {TypeError} for a database that `openStore` has not opened. */
export function poolOf(db: object): pg.Pool {
  const pool = pools.get(db);
  if (pool === undefined) throw new TypeError('transactions are for a database that openStore has opened');
  return pool;
}
