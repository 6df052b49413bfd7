import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

export interface PreviousSubtask {
  readonly ordinal: number;
  readonly meta: unknown;
  readonly result: unknown;
  readonly rows: number;
  readonly bytes: number;
}

/** Succeeded subtasks of a step, in order of their ordinals, after one ordinal. */
export async function readPreviousSubtasks(
  db: Db,
  taskId: string,
  step: string,
  afterOrdinal: number,
  limit: number,
): Promise<readonly PreviousSubtask[]> {
  const rows = await fromStore(
    db
      .selectFrom('subtask_history')
      .select(['ordinal', 'meta', 'result', 'rows', 'bytes'])
      .where('task_id', '=', taskId)
      .where('step', '=', step)
      .where('kind', '=', 'work')
      .where('state', '=', 'succeed')
      .where('ordinal', '>', afterOrdinal)
      .orderBy('ordinal')
      .limit(limit)
      .execute(),
  );
  return rows.map((row) => ({
    ordinal: row.ordinal,
    meta: row.meta,
    result: row.result,
    rows: Number(row.rows),
    bytes: Number(row.bytes),
  }));
}
