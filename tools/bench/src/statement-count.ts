import type pg from 'pg';

/** What Postgres has to be started with to count statements. */
export const COUNTING_SETTINGS = { shared_preload_libraries: 'pg_stat_statements' } as const;

/** Readies a database for {@link countStatements}, and turns counting off until then, as it costs something. */
export async function prepareCounting(database: pg.Client): Promise<void> {
  await database.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await setTracking(database, 'none');
}

/**
 * Counts the statements of everybody in this database while something is done; BEGIN and COMMIT count too.
 */
export async function countStatements(database: pg.Client, work: () => Promise<unknown>): Promise<number> {
  await setTracking(database, 'top');
  await database.query('SELECT pg_stat_statements_reset()');
  await work();
  const { rows } = await database.query<{ calls: string }>(
    'SELECT sum(calls) AS calls FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())',
  );
  await setTracking(database, 'none');
  return Number(rows[0]?.calls);
}

async function setTracking(database: pg.Client, what: string): Promise<void> {
  await database.query(`ALTER SYSTEM SET pg_stat_statements.track = '${what}'`);
  await database.query('SELECT pg_reload_conf()');
}
