import { sql } from 'kysely';
import { archiveSubtasks } from '../settlements/move-to-history.ts';
import type { Tx } from '../session/transactions.ts';
import { isKnownControl } from '../schema/kind-predicates.ts';

/** Moves a task's control subtasks into history that have ended: what they came to must not stand for what comes next. */
export async function archiveEndedControls(tx: Tx, taskId: string): Promise<void> {
  const ended = await sql<{ id: string }>`
    SELECT id FROM subtasks
    WHERE task_id = ${taskId} AND ${isKnownControl()} AND state IN ('succeed', 'failed') ORDER BY id FOR UPDATE`.execute(
    tx,
  );
  await archiveSubtasks(
    tx,
    ended.rows.map((row) => row.id),
  );
}
