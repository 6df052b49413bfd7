import { nodeId, taskId, type PinnedSlots } from '@longshore/core';
import { sql } from 'kysely';
import { readPrepared } from '../session/read-prepared.ts';
import type { Db } from '../session/transactions.ts';
import { isPlanned } from '../schema/kind-predicates.ts';

/** Slots of nodes that non-idempotent subtasks use now: a walk of an index that holds nothing else. */
export async function readPinnedSlots(db: Db): Promise<readonly PinnedSlots[]> {
  const statement = sql<{ exec_id: string; task_id: string; slots: number }>`
      SELECT s.exec_id, s.task_id, (count(*) * min(t.slots_per_subtask))::int AS slots
      FROM subtasks s JOIN tasks t ON t.id = s.task_id
      WHERE s.state = 'running' AND ${isPlanned('s')} AND NOT s.is_idempotent
      GROUP BY s.exec_id, s.task_id`;
  const rows = await readPrepared(db, statement);
  return rows.map((row) => ({ nodeId: nodeId(row.exec_id), taskId: taskId(row.task_id), slots: row.slots }));
}
