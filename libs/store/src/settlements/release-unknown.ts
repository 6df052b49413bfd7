import type { ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { attemptsById, runsOn, type NodeIdentity, type SubtaskAttempt } from '../claims/holder.ts';
import { eachOnItsOwn, LockPatience } from '../session/lock-patience.ts';
import { fromStore } from '../session/open-store.ts';
import { recordEvents } from '../tasks/record-event.ts';
import { inTransaction, type Db, type Tx } from '../session/transactions.ts';

interface UnknownRow {
  id: string;
  attempt: number;
  task_id: string;
  is_idempotent: boolean;
}

/** Which of the found rows its node still doesn't know. */
export type StillUnknown = (found: readonly SubtaskAttempt[]) => Promise<readonly SubtaskAttempt[]>;

/**
 * Hands back rows that this registration claimed but its node doesn't know: the answer to a claim's commit got lost, or
 * their results could not be written. Without this they would stay `running` for ever. Idempotent rows become pending; the
 * others fail, because the store can't tell whether they have run.
 *
 * The list can contain a row that was just claimed, before the node has the claim's answer. So a found row is only a
 * candidate: the node waits for the claims that it began before it had this list, and then says which rows it still doesn't know.
 *
 * @param known ids that the node has.
 * @param stillUnknown asked before anything is freed. Default: all of them, for a node that has no claim under way.
 * @param patience how long it waits for tasks that others have locked. Default: 500 ms, until one wait was in vain.
 * @returns how many rows were freed.
 */
export async function releaseUnknown(
  db: Db,
  node: NodeIdentity,
  known: readonly string[],
  stillUnknown: StillUnknown = (found) => Promise.resolve(found),
  patience = new LockPatience(),
): Promise<number> {
  const found = await fromStore(
    sql<UnknownRow>`
      SELECT id, attempt, task_id, is_idempotent FROM subtasks
      WHERE exec_id = ${node.id} AND node_epoch = ${node.epoch} AND state = 'running' AND NOT id = ANY(${known}::bigint[])`.execute(
      db,
    ),
  );
  if (found.rows.length === 0) return 0;
  const unknown = new Set((await stillUnknown(found.rows)).map((one) => one.id));
  const freed = found.rows.filter((row) => unknown.has(row.id));
  if (freed.length === 0) return 0;
  let released = 0;
  // What can't be freed now is found again by the next look.
  await eachOnItsOwn(
    Map.groupBy(freed, (row) => row.task_id),
    patience,
    async ([taskId, rows]) => {
      released += await release(db, node, taskId, rows, patience.ms);
    },
  );
  return released;
}

/** Hands back rows of one task. @returns how many. */
function release(
  db: Db,
  node: NodeIdentity,
  taskId: string,
  found: readonly UnknownRow[],
  lockTimeoutMs: number,
): Promise<number> {
  const work = async (tx: Tx): Promise<number> => {
    // Failures leave events, numbered under the task's row, and tasks are locked before subtasks.
    if (!found.every((row) => row.is_idempotent))
      await sql`SELECT 1 FROM tasks WHERE id = ${taskId} FOR UPDATE`.execute(tx);
    const rows = await lockUnknown(tx, node, found);
    await sql`
      UPDATE subtasks SET state = 'pending', node_epoch = NULL, reason = 'unknown to its node', waiting = NULL
      WHERE id = ANY(${rows.filter((row) => row.is_idempotent).map((row) => row.id)}::bigint[])`.execute(tx);
    await failLost(
      tx,
      node,
      rows.filter((row) => !row.is_idempotent),
    );
    return rows.length;
  };
  return inTransaction(db, work, lockTimeoutMs);
}

/** By their attempts: a row that was settled and claimed again meanwhile is another attempt, which the node may know. */
async function lockUnknown(
  tx: Tx,
  node: NodeIdentity,
  found: readonly SubtaskAttempt[],
): Promise<readonly UnknownRow[]> {
  const rows = await sql<UnknownRow>`
    SELECT own.id, own.attempt, own.task_id, own.is_idempotent FROM ${attemptsById(found)} CROSS JOIN LATERAL (
      SELECT s.id, s.attempt, s.task_id, s.is_idempotent FROM subtasks s
      WHERE s.id = h.id AND s.attempt = h.attempt AND s.node_epoch = ${node.epoch} AND ${runsOn(node)}
      FOR UPDATE SKIP LOCKED) own`.execute(tx);
  return rows.rows;
}

async function failLost(tx: Tx, node: NodeIdentity, rows: readonly UnknownRow[]): Promise<void> {
  if (rows.length === 0) return;
  const error: ErrorData = {
    code: 'NODE_LOST',
    message: 'its node lost track of it, and it is not idempotent',
    permanent: true,
  };
  await sql`
    UPDATE subtasks SET state = 'failed', waiting = NULL, error = ${JSON.stringify(error)}::json, ended_at = clock_timestamp()
    WHERE id = ANY(${rows.map((row) => row.id)}::bigint[])`.execute(tx);
  const byTask = [...Map.groupBy(rows, (row) => row.task_id)];
  for (const [taskId, group] of byTask.toSorted(([a], [b]) => (BigInt(a) < BigInt(b) ? -1 : 1))) {
    await recordEvents(
      tx,
      taskId,
      group.map(({ id }) => ({
        actor: `executor ${node.id}`,
        kind: 'subtask-failed',
        from: 'running',
        to: 'failed',
        subtaskId: id,
        message: `${error.code}: ${error.message}`,
      })),
    );
  }
}
