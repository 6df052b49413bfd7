import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { waitingNow } from './waiting-now.ts';

/** What subtasks of a task wait for, those with the same reason as one. */
export interface StoredWaiting {
  readonly code: string;
  /** Of the one that has waited longest. */
  readonly message: string;
  /** Since when that one has. */
  readonly since: string;
  readonly subtasks: number;
}

/** Why subtasks of a task wait, longest first. */
export async function readWaiting(db: Db, taskId: string): Promise<readonly StoredWaiting[]> {
  const rows = await fromStore(
    sql<StoredWaiting>`
      SELECT w.code, (array_agg(w.message ORDER BY w.since))[1] AS message, min(w.since) AS since, count(*)::int AS subtasks
      FROM (SELECT now->>'code' AS code, now->>'message' AS message, now->>'since' AS since
        FROM (SELECT ${waitingNow} AS now FROM subtasks WHERE task_id = ${taskId} AND waiting IS NOT NULL) s) w
      GROUP BY w.code ORDER BY 3, 1`.execute(db),
  );
  return rows.rows;
}
