import type { CompiledQuery } from 'kysely';
import { fromStore } from './open-store.ts';
import { targetOf } from './pools.ts';
import { runCompiled } from './prepared.ts';
import type { Db } from './transactions.ts';

/**
 * Reads by a statement outside of a transaction that is asked again and again: planning the scheduling pass's snapshot takes 0.8 ms, running
 * it beside a few tasks 0.2.
 *
 * @throws {LongshoreError} STORE_UNAVAILABLE when Postgres can't be reached.
 */
export async function readPrepared<R>(db: Db, statement: { compile(db: Db): CompiledQuery<R> }): Promise<readonly R[]> {
  const { rows } = await fromStore(runCompiled(targetOf(db), statement.compile(db)));
  return rows;
}
