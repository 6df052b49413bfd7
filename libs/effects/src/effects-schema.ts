import { TaskTypeError, type SqlClient } from '@longshore/sdk';
import { isNoPrivilege } from '@longshore/sdk/postgres';

/** Where Longshore keeps its rows in a target database. */
export const EFFECTS_SCHEMA = 'longshore_effects';
export const LEDGER = `${EFFECTS_SCHEMA}.ledger`;
export const FENCE = `${EFFECTS_SCHEMA}.fence`;
export const ENTER_FENCE = `${EFFECTS_SCHEMA}.enter_fence`;

/** Any number will do; this one is the bytes of "lseffect". */
const SCHEMA_LOCK = '7814151213990536052';

/** The key of a task's advisory lock, as an SQL expression over a cluster's and a task's id. */
export const fenceKey = (cluster: string, task: string): string =>
  `hashtextextended('longshore/' || ${cluster} || '/' || ${task}, 0)`;

/** What the schema holds. Statements must be safe to run again, and make what an earlier version left into this one's. */
const STATEMENTS: readonly string[] = [
  `CREATE SCHEMA IF NOT EXISTS ${EFFECTS_SCHEMA}`,
  `CREATE TABLE IF NOT EXISTS ${LEDGER} (
    cluster_id text NOT NULL,
    task_id bigint NOT NULL,
    subtask_id bigint NOT NULL,
    connection text NOT NULL DEFAULT '',
    step text NOT NULL,
    attempt integer NOT NULL,
    is_done boolean NOT NULL DEFAULT false,
    checkpoint json,
    result json,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ledger_pkey PRIMARY KEY (cluster_id, task_id, subtask_id, connection))`,
  // The first version had one row for all connections of a subtask. Its rows keep an empty name, and stand for each of them.
  `ALTER TABLE ${LEDGER} ADD COLUMN IF NOT EXISTS connection text NOT NULL DEFAULT ''`,
  `DO $$ BEGIN
    IF (SELECT indnkeyatts FROM pg_index WHERE indrelid = '${LEDGER}'::regclass AND indisprimary) = 3 THEN
      ALTER TABLE ${LEDGER} DROP CONSTRAINT ledger_pkey,
        ADD CONSTRAINT ledger_pkey PRIMARY KEY (cluster_id, task_id, subtask_id, connection);
    END IF;
  END $$`,
  `CREATE TABLE IF NOT EXISTS ${FENCE} (
    cluster_id text NOT NULL,
    task_id bigint NOT NULL,
    task_key text NOT NULL DEFAULT '',
    is_open boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (cluster_id, task_id))`,
  // Volatile, so that each statement in it has a snapshot of its own: the row is read as it is after the lock was waited for. Lock and
  // read in one statement would pass a fence that was closed meanwhile.
  `CREATE OR REPLACE FUNCTION ${ENTER_FENCE}(cluster text, task bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(${fenceKey('cluster', 'task::text')});
    RETURN coalesce((SELECT is_open FROM ${FENCE} WHERE cluster_id = cluster AND task_id = task), false);
  END $$`,
];

/**
 * Creates Longshore's schema in the target unless it is there, or brings that of an earlier version up to date. Concurrent first uses wait
 * for one another: CREATE … IF NOT EXISTS alone fails with a unique violation when two sessions meet.
 *
 * @throws {TaskTypeError} EFFECTS_NO_PRIVILEGE when it isn't there or is of an earlier version and the role may not change
 * that, or it may not be used.
 */
export async function ensureEffectsSchema(client: SqlClient): Promise<void> {
  if (await isPrepared(client)) return;
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    await client.query(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
    // Whoever had the lock before has done it: done again, it would wait for the effects that are under way by now.
    if (!(await isPrepared(client))) for (const statement of STATEMENTS) await client.query(statement);
    await client.query('COMMIT');
  } catch (cause) {
    // What happened is the first error, also when the session is gone and can't roll back.
    await client.query('ROLLBACK').catch(() => undefined);
    throw privilegeError(cause);
  }
}

/** The newest part is what tells, the ledger's column: the others were made with it or before. */
async function isPrepared(client: SqlClient): Promise<boolean> {
  try {
    const found = await client.query(
      `SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('${LEDGER}') AND attname = 'connection'`,
    );
    if (found.rows.length === 0) return false;
    // Asked for here, where it can be said what to do, instead of found out in the middle of an effect.
    const may = await client.query<{ all: boolean }>(
      `SELECT bool_and(has_table_privilege(t, p)) AS all
       FROM unnest(ARRAY['${LEDGER}', '${FENCE}']) AS t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p`,
    );
    if (may.rows[0]?.all !== true) throw noPrivilege();
    return true;
  } catch (cause) {
    throw privilegeError(cause);
  }
}

function privilegeError(cause: unknown): unknown {
  return isNoPrivilege(cause) ? noPrivilege(cause) : cause;
}

function noPrivilege(cause?: unknown): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_NO_PRIVILEGE',
    `the role may not create, use or update the schema ${EFFECTS_SCHEMA} in the target database; run as a role that may: longshore target prepare --grant-to ROLE`,
    cause === undefined ? {} : { cause },
  );
}
