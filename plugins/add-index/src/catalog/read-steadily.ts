import type { SqlClient } from '@longshore/sdk';

/**
 * Runs `work` in a transaction with an empty search_path: Postgres then qualifies every name in the definitions that it tells, so
 * that they mean the same in every session and can be compared as texts. Changes nothing by itself.
 */
export async function readSteadily<T>(client: SqlClient, work: () => Promise<T>): Promise<T> {
  // An error leaves the session to be closed by its lender.
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  await qualifyNames(client);
  const result = await work();
  await client.query('COMMIT');
  return result;
}

/** For the rest of a transaction. */
export async function qualifyNames(client: SqlClient): Promise<void> {
  await client.query('SET LOCAL search_path = pg_catalog');
}
