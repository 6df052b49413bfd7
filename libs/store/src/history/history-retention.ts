import { hasCode } from '@longshore/core';
import { sql } from 'kysely';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import { fromStore } from '../session/open-store.ts';
import { isRowLocked, LockPatience } from '../session/lock-patience.ts';
import type { Db, Tx } from '../session/transactions.ts';

/** Old tasks that are looked up at once. */
const TASK_PAGE = 100;
/** Subtask rows that are deleted in one transaction: about 100 ms of work. A million at once would be one huge transaction. */
const SUBTASK_PAGE = 10_000;

/** A place in the order in which archived tasks are forgotten: oldest first. */
export interface RetentionCursor {
  /** When the task was archived, as Postgres writes it: a JavaScript date has no microseconds. */
  readonly archivedAt: string;
  readonly id: string;
}

/** What one page of forgetting came to. */
export interface ForgottenPage {
  /** Tasks that are gone now. */
  readonly forgotten: number;
  /** Tasks that could not be deleted now, each with its error. They are found again by the next look from the beginning. */
  readonly failed: readonly { readonly id: string; readonly error: unknown }[];
  /** Where to go on; null: there is nothing more that is old enough. */
  readonly next: RetentionCursor | null;
}

/**
 * Forgets tasks that were archived longer ago than the retention: their subtasks, steps, events and keys, and at last the task, so that a
 * page which was interrupted is found again. Each task, and each page of a large one, is a transaction of its own: a row that
 * somebody has locked delays no other task.
 *
 * @param days retention in days.
 * @param after where the page before ended; null: from the oldest task.
 * @throws {LongshoreError} LEADER_LOST, STORE_UNAVAILABLE.
 */
export async function forgetOldTasks(
  db: Db,
  lease: LeaderLease,
  days: number,
  after: RetentionCursor | null = null,
): Promise<ForgottenPage> {
  const { archivedAt, id } = after ?? { archivedAt: '-infinity', id: '0' };
  const old = await fromStore(
    sql<RetentionCursor>`
      SELECT id::text AS id, archived_at::text AS "archivedAt" FROM task_history
      WHERE archived_at < clock_timestamp() - ${`${days} days`}::interval
        AND (archived_at, id) > (${archivedAt}::timestamptz, ${id}::bigint)
      ORDER BY archived_at, id LIMIT ${TASK_PAGE}`.execute(db),
  );
  const failed: { id: string; error: unknown }[] = [];
  const patience = new LockPatience();
  let last = after;
  let forgotten = 0;
  for (const task of old.rows) {
    try {
      // A large task goes page by page; the caller may stop between them.
      if (!(await forgetPage(db, lease, task.id, patience.ms))) return { forgotten, failed, next: last ?? START };
      forgotten += 1;
    } catch (error) {
      if (hasCode(error, 'LEADER_LOST') || hasCode(error, 'STORE_UNAVAILABLE')) throw error;
      if (isRowLocked(error)) patience.spend();
      failed.push({ id: task.id, error });
    }
    last = task;
  }
  return { forgotten, failed, next: old.rows.length === TASK_PAGE ? last : null };
}

const START: RetentionCursor = { archivedAt: '-infinity', id: '0' };

/** Deletes a page of an old task's subtasks, and the task with its last page. @returns whether the task is gone. */
async function forgetPage(db: Db, lease: LeaderLease, id: string, lockTimeoutMs: number): Promise<boolean> {
  const forget = async (tx: Tx): Promise<boolean> => {
    // ✗ By `id` alone: the key begins with the task, so each page reads the whole history (11 s beside 510,000 rows).
    const subtasks = await sql`
      DELETE FROM subtask_history WHERE task_id = ${id} AND id = ANY(ARRAY(
        SELECT id FROM subtask_history WHERE task_id = ${id} ORDER BY id LIMIT ${SUBTASK_PAGE}))`.execute(tx);
    if (Number(subtasks.numAffectedRows ?? 0n) === SUBTASK_PAGE) return false;
    for (const table of ['task_steps', 'task_events', 'task_keys', 'earlier_runs']) {
      await sql`DELETE FROM ${sql.table(table)} WHERE task_id = ${id}`.execute(tx);
    }
    await sql`DELETE FROM task_history WHERE id = ${id}`.execute(tx);
    return true;
  };
  return asLeader(db, lease, forget, { lockTimeoutMs });
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
