import { sql, type RawBuilder } from 'kysely';
import { runsOn, type NodeIdentity, type SubtaskAttempt } from '../claims/holder.ts';
import { rowPlaces } from './row-place.ts';
import type { Tx } from '../session/transactions.ts';

export interface FinishedWork extends SubtaskAttempt {
  readonly result: unknown;
  readonly rows: number;
  readonly bytes: number;
}

/** The columns of a subtask in the order in which history takes them. */
const COLUMNS = sql.raw(
  [
    'id',
    'task_id',
    'kind',
    'step',
    'plan_attempt',
    'ordinal',
    'state',
    'exec_id',
    'node_epoch',
    'attempt',
    'failures',
    'is_idempotent',
    'meta',
    'checkpoint',
    'kept',
    'result',
    'error',
    'rows',
    'bytes',
    'reason',
    'not_before',
    'created_at',
    'started_at',
    'ended_at',
  ].join(', '),
);

/**
 * Moves succeeded work, or a plan that is taken at once, out of the hot table in one statement, as far as these attempts are its holders,
 * and answers the ids of what was moved. The caller has taken the rows in order before ({@link holderLock}), or it deadlocks.
 */
export function moveToHistory(
  node: NodeIdentity,
  done: readonly FinishedWork[],
  kind: 'work' | 'plan' = 'work',
): RawBuilder<{ id: string }> {
  return sql<{ id: string }>`
    WITH gone AS (
      DELETE FROM subtasks s USING unnest(
        ${done.map((one) => one.id)}::bigint[],
        ${done.map((one) => one.attempt)}::int[],
        ${done.map((one) => (one.result === undefined ? null : JSON.stringify(one.result)))}::json[],
        ${done.map((one) => one.rows)}::bigint[],
        ${done.map((one) => one.bytes)}::bigint[]
      ) AS d(id, attempt, result, rows, bytes) ${rowPlaces('d')}
      WHERE s.ctid = row.place AND s.attempt = d.attempt AND s.kind COLLATE "C" = ${kind} AND ${runsOn(node)}
      RETURNING s.*, d.result AS done_result, d.rows AS done_rows, d.bytes AS done_bytes)
    INSERT INTO subtask_history (${COLUMNS})
    SELECT id, task_id, kind, step, plan_attempt, ordinal, 'succeed', exec_id, node_epoch, attempt, failures,
      is_idempotent, meta, checkpoint, NULL, done_result, error, done_rows, done_bytes, reason, not_before, created_at, started_at,
      clock_timestamp()
    FROM gone RETURNING id`;
}

/**
 * Moves all rows of a task, in any state; rows still pending, paused or running end as canceled. For
 * consumed control subtasks and the end of a task.
 */
export async function archiveSubtasks(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    WITH gone AS (DELETE FROM subtasks WHERE id = ANY(${ids}::bigint[]) RETURNING *)
    INSERT INTO subtask_history (${COLUMNS})
    SELECT id, task_id, kind, step, plan_attempt, ordinal,
      CASE WHEN state IN ('pending', 'paused', 'running') THEN 'canceled' ELSE state END,
      exec_id, node_epoch, attempt, failures, is_idempotent, meta, checkpoint, kept, result, error, rows, bytes, reason,
      not_before, created_at, started_at, coalesce(ended_at, clock_timestamp())
    FROM gone`.execute(tx);
}

/**
 * Makes canceled subtasks pending again, with their checkpoints: their task goes on after all.
 *
 * @param where a condition on the rows besides their task and state.
 */
export async function bringBack(tx: Tx, taskId: string, where: RawBuilder<unknown>): Promise<void> {
  await sql`
    WITH back AS (DELETE FROM subtask_history WHERE task_id = ${taskId} AND state = 'canceled' AND ${where} RETURNING *)
    INSERT INTO subtasks (${COLUMNS}) OVERRIDING SYSTEM VALUE
    SELECT id, task_id, kind, step, plan_attempt, ordinal, 'pending', exec_id, NULL, attempt, failures, is_idempotent, meta, checkpoint,
      kept, result, error, rows, bytes, 'resume', NULL, created_at, started_at, NULL
    FROM back`.execute(tx);
}

/** Moves a control subtask that has succeeded, and answers its result in the same statement; undefined when it hasn't, or is gone. */
export async function archiveSucceededControl(
  tx: Tx,
  control: { readonly id: string; readonly taskId: string; readonly kind: string },
): Promise<unknown> {
  const moved = await sql<{ result: unknown }>`
    WITH gone AS (
      DELETE FROM subtasks
      WHERE id = ${control.id} AND task_id = ${control.taskId} AND kind = ${control.kind} AND state = 'succeed'
      RETURNING *
    ), kept AS (INSERT INTO subtask_history (${COLUMNS}) SELECT ${COLUMNS} FROM gone)
    SELECT result FROM gone`.execute(tx);
  return moved.rows[0]?.result;
}
