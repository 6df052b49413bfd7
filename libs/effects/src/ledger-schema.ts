import { TaskTypeError, type SqlClient } from '@longshore/sdk';

/** Where Longshore keeps its rows in a target database. */
export const EFFECTS_SCHEMA = 'longshore_effects';
export const LEDGER = `${EFFECTS_SCHEMA}.ledger`;

/** Any number will do; this one is the bytes of "lseffect". */
const SCHEMA_LOCK = '7814151213990536052';

/**
 * Creates Longshore's schema in the target unless it is there. Concurrent first uses wait for one another: CREATE … IF NOT EXISTS
 * alone fails with a unique violation when two sessions meet.
 *
 * @throws {TaskTypeError} EFFECTS_NO_PRIVILEGE when it isn't there and the role may not create it.
 */
export async function ensureLedger(client: SqlClient): Promise<void> {
  const found = await client.query<{ found: boolean }>(`SELECT to_regclass('${LEDGER}') IS NOT NULL AS found`);
  if (found.rows[0]?.found === true) return;
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    await client.query(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${EFFECTS_SCHEMA}`);
    await client.query(`
      CREATE TABLE IF NOT EXISTS ${LEDGER} (
        cluster_id text NOT NULL,
        task_id bigint NOT NULL,
        subtask_id bigint NOT NULL,
        step text NOT NULL,
        attempt integer NOT NULL,
        is_done boolean NOT NULL DEFAULT false,
        result json,
        transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
        written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (cluster_id, task_id, subtask_id))`);
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK');
    if ((cause as { code?: unknown }).code !== '42501') throw cause;
    throw new TaskTypeError(
      'EFFECTS_NO_PRIVILEGE',
      `the role may not create the schema ${EFFECTS_SCHEMA} in the target database; grant CREATE on the database, or let a role that may create it once`,
      { cause },
    );
  }
}
