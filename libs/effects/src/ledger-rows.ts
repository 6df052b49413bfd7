import { TaskTypeError, type JsonValue, type LedgerEntry, type SqlClient } from '@longshore/sdk';
import type { LedgerOwner } from './effect-owner.ts';
import { LEDGER } from './effects-schema.ts';
import { ledgerJson } from './ledger-json.ts';

/** The key of a subtask's row, of this version's or of the first one's, which had none of its own for each connection. */
const ANY_ROW = `cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND connection IN ($4, '')`;

export const ledgerKey = (owner: LedgerOwner): readonly string[] => [
  owner.clusterId,
  owner.taskId,
  owner.subtaskId,
  owner.connection,
];

/** Committed effects of a task through this connection, of one step or of all, in order of their subtasks' ids. */
export async function readLedger(
  client: SqlClient,
  owner: LedgerOwner,
  step: string | null,
): Promise<readonly LedgerEntry[]> {
  const rows = await client.query<{
    subtask_id: string;
    step: string;
    attempt: number;
    result: JsonValue;
    transaction_id: string;
  }>(
    `SELECT subtask_id::text, step, attempt, result, transaction_id::text FROM ${LEDGER}
     WHERE cluster_id = $1 AND task_id = $2 AND connection IN ($4, '') AND is_done AND ($3::text IS NULL OR step = $3)
     ORDER BY ledger.subtask_id`,
    [owner.clusterId, owner.taskId, step, owner.connection],
  );
  return rows.rows.map((row) => ({
    subtaskId: row.subtask_id,
    step: row.step,
    attempt: row.attempt,
    result: row.result,
    transactionId: row.transaction_id,
  }));
}

/**
 * Takes the subtask's ledger row inside its effect transaction: **first**, so that a second attempt waits here and does no work
 * twice. Inserted last, it would do all of it again and then fail on the key, or deadlock.
 *
 * @returns true: the row is this attempt's, do the work. False: an earlier attempt has committed.
 */
export async function takeLedgerRow(client: SqlClient, owner: LedgerOwner): Promise<boolean> {
  const inserted = await client.query(
    // Nobody writes rows of the first version any more, so looking for one needs no lock.
    `INSERT INTO ${LEDGER} (cluster_id, task_id, subtask_id, connection, step, attempt)
     SELECT $1::text, $2::bigint, $3::bigint, $4::text, $5::text, $6::int
     WHERE NOT EXISTS (
       SELECT 1 FROM ${LEDGER} WHERE cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND connection = '' AND $4 <> '')
     ON CONFLICT (cluster_id, task_id, subtask_id, connection) DO NOTHING`,
    [...ledgerKey(owner), owner.step, owner.attempt],
  );
  return inserted.rowCount === 1;
}

/**
 * Completes the row, at the end of the effect transaction.
 *
 * @throws {TaskTypeError} EFFECTS_TRANSACTION_ENDED when the work has ended the transaction that the row was inserted in;
 * EFFECTS_VALUE_INVALID for a result that the ledger can't keep.
 */
export async function completeLedgerRow(client: SqlClient, owner: LedgerOwner, result: JsonValue): Promise<void> {
  const completed = await client.query(
    `UPDATE ${LEDGER} SET is_done = true, result = $5
     WHERE cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND connection = $4 AND transaction_id = pg_current_xact_id()`,
    [...ledgerKey(owner), ledgerJson(result, 'the result of the effect')],
  );
  if (completed.rowCount !== 1) throw transactionEnded(owner);
}

/**
 * What an earlier attempt's effect returned.
 *
 * @throws {TaskTypeError} EFFECTS_TRANSACTION_ENDED when that effect was committed by its own hand, so that it isn't known how far it
 * came; or when it goes in batches, which have the same row.
 */
export async function readLedgerResult(client: SqlClient, owner: LedgerOwner): Promise<JsonValue> {
  const row = await client.query<{ result: JsonValue }>(
    `SELECT result FROM ${LEDGER} WHERE ${ANY_ROW} AND is_done`,
    ledgerKey(owner),
  );
  const done = row.rows[0];
  if (done === undefined) throw transactionEnded(owner);
  return done.result;
}

function transactionEnded(owner: LedgerOwner): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_TRANSACTION_ENDED',
    `the effect of subtask ${owner.subtaskId} was committed or rolled back before its end; effectOnce ends its transaction itself, and can't be combined with effectBatches`,
  );
}

/** Forgets a task's effects through this connection, after they were undone. */
export async function deleteLedger(client: SqlClient, owner: LedgerOwner): Promise<void> {
  await client.query(`DELETE FROM ${LEDGER} WHERE cluster_id = $1 AND task_id = $2 AND connection IN ($3, '')`, [
    owner.clusterId,
    owner.taskId,
    owner.connection,
  ]);
}
