import { TaskTypeError, type JsonValue, type LedgerEntry, type SqlClient } from '@longshore/sdk';
import type { EffectOwner } from './effect-owner.ts';
import { LEDGER } from './effects-schema.ts';

/** Committed effects of a task, of one step or of all, in order of their subtasks' ids. */
export async function readLedger(
  client: SqlClient,
  owner: EffectOwner,
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
     WHERE cluster_id = $1 AND task_id = $2 AND is_done AND ($3::text IS NULL OR step = $3) ORDER BY ledger.subtask_id`,
    [owner.clusterId, owner.taskId, step],
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
export async function takeLedgerRow(client: SqlClient, owner: EffectOwner): Promise<boolean> {
  const inserted = await client.query(
    `INSERT INTO ${LEDGER} (cluster_id, task_id, subtask_id, step, attempt) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (cluster_id, task_id, subtask_id) DO NOTHING`,
    [owner.clusterId, owner.taskId, owner.subtaskId, owner.step, owner.attempt],
  );
  return inserted.rowCount === 1;
}

/**
 * Completes the row, at the end of the effect transaction.
 *
 * @throws {TaskTypeError} EFFECTS_TRANSACTION_ENDED when the work has ended the transaction that the row was inserted in.
 */
export async function completeLedgerRow(client: SqlClient, owner: EffectOwner, result: JsonValue): Promise<void> {
  const completed = await client.query(
    `UPDATE ${LEDGER} SET is_done = true, result = $4
     WHERE cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND transaction_id = pg_current_xact_id()`,
    [owner.clusterId, owner.taskId, owner.subtaskId, JSON.stringify(result)],
  );
  if (completed.rowCount !== 1) throw transactionEnded(owner);
}

/**
 * What an earlier attempt's effect returned.
 *
 * @throws {TaskTypeError} EFFECTS_TRANSACTION_ENDED when that effect was committed by its own hand, so that it isn't known how far it
 * came; or when it goes in batches, which have the same row.
 */
export async function readLedgerResult(client: SqlClient, owner: EffectOwner): Promise<JsonValue> {
  const row = await client.query<{ result: JsonValue }>(
    `SELECT result FROM ${LEDGER} WHERE cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND is_done`,
    [owner.clusterId, owner.taskId, owner.subtaskId],
  );
  const done = row.rows[0];
  if (done === undefined) throw transactionEnded(owner);
  return done.result;
}

function transactionEnded(owner: EffectOwner): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_TRANSACTION_ENDED',
    `the effect of subtask ${owner.subtaskId} was committed or rolled back in the middle; effectOnce ends its transaction itself, and can't be used beside effectBatches`,
  );
}

/** Forgets a task's effects, after they were undone. */
export async function deleteLedger(client: SqlClient, owner: EffectOwner): Promise<void> {
  await client.query(`DELETE FROM ${LEDGER} WHERE cluster_id = $1 AND task_id = $2`, [owner.clusterId, owner.taskId]);
}
