import type { GateReading } from '@longshore/core';
import { sql } from 'kysely';
import type { NodeIdentity, SubtaskAttempt } from '../claims/holder.ts';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** What was found at a task's gates, and how long ago by the database's clock. */
export interface StoredGates {
  readonly readings: readonly GateReading[];
  readonly ageMs: number;
}

/**
 * Stores what the subtask that reads a task's gates has found, while this attempt is its holder: a late reader must not open what a newer
 * one has closed.
 *
 * @returns false when it has another holder by now.
 */
export async function saveGates(
  db: Db,
  node: NodeIdentity,
  own: SubtaskAttempt,
  readings: readonly GateReading[],
): Promise<boolean> {
  const saved = await fromStore(
    sql`
      INSERT INTO task_gates (task_id, readings, read_at)
      SELECT task_id, ${JSON.stringify(readings)}::json, clock_timestamp() FROM subtasks
      WHERE id = ${own.id} AND exec_id = ${node.id} AND attempt = ${own.attempt} AND state = 'running'
      ON CONFLICT (task_id) DO UPDATE SET readings = excluded.readings, read_at = excluded.read_at`.execute(db),
  );
  return saved.numAffectedRows === 1n;
}

/** The last readings of a task's gates; null when there are none. */
export async function readGates(db: Db, taskId: string): Promise<StoredGates | null> {
  const rows = await fromStore(
    sql<{ readings: GateReading[]; age_ms: number }>`
      SELECT readings, (extract(epoch FROM clock_timestamp() - read_at) * 1000)::float8 AS age_ms
      FROM task_gates WHERE task_id = ${taskId}`.execute(db),
  );
  const row = rows.rows[0];
  return row === undefined ? null : { readings: row.readings, ageMs: row.age_ms };
}
