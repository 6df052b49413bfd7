import { sql } from 'kysely';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** Tasks that are forgotten in one transaction, and subtask rows: a million at once would be one huge transaction. */
const TASK_PAGE = 100;
const SUBTASK_PAGE = 10_000;

/**
 * Forgets tasks that were archived longer ago than the retention: their subtasks, steps, events and keys, and at last the task, so that a
 * page which was interrupted is found again.
 *
 * @param days retention in days.
 * @returns true when there may be more.
 */
export async function forgetOldTasks(db: Db, lease: LeaderLease, days: number): Promise<boolean> {
  return asLeader(db, lease, async (tx) => {
    const old = await sql<{ id: string }>`
      SELECT id FROM task_history WHERE archived_at < clock_timestamp() - ${`${days} days`}::interval
      ORDER BY id LIMIT ${TASK_PAGE}`.execute(tx);
    const ids = old.rows.map((row) => row.id);
    if (ids.length === 0) return false;
    const subtasks = await sql`
      DELETE FROM subtask_history WHERE id IN (
        SELECT id FROM subtask_history WHERE task_id = ANY(${ids}::bigint[]) LIMIT ${SUBTASK_PAGE})`.execute(tx);
    if (Number(subtasks.numAffectedRows ?? 0n) === SUBTASK_PAGE) return true;
    for (const table of ['task_steps', 'task_events', 'task_keys']) {
      await sql`DELETE FROM ${sql.table(table)} WHERE task_id = ANY(${ids}::bigint[])`.execute(tx);
    }
    await sql`DELETE FROM task_history WHERE id = ANY(${ids}::bigint[])`.execute(tx);
    return ids.length === TASK_PAGE;
  });
}

/** Which of these ids belong to no task any more, neither active nor in history. */
export async function findForgottenTasks(db: Db, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await fromStore(
    sql<{ id: string }>`
      SELECT asked.id::text AS id FROM unnest(${ids}::bigint[]) AS asked(id)
      WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = asked.id)
        AND NOT EXISTS (SELECT 1 FROM task_history h WHERE h.id = asked.id)`.execute(db),
  );
  return rows.rows.map((row) => row.id);
}
