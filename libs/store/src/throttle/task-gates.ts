import type { GateReading } from '@longshore/core';
import { sql } from 'kysely';
import { runsOn, type NodeIdentity, type SubtaskAttempt } from '../claims/holder.ts';
import { untilUnlocked, writtenOr, type PassingWrite } from '../session/look-again.ts';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** What was found at a task's gates, and how long ago by the database's clock. */
export interface StoredGates {
  readonly readings: readonly GateReading[];
  readonly ageMs: number;
}

/**
 * Stores what the subtask that reads a task's gates has found, while this attempt is its holder: a late reader must not open what a newer
 * one has closed. While somebody else has locked the task's readings it waits without a session.
 *
 * @returns false when it has another holder by now.
 */
export async function saveGates(
  db: Db,
  node: NodeIdentity,
  own: SubtaskAttempt,
  readings: readonly GateReading[],
): Promise<boolean> {
  const statement = sql<PassingWrite>`
    WITH own AS MATERIALIZED (
      SELECT s.task_id FROM subtasks s WHERE s.id = ${own.id} AND s.attempt = ${own.attempt} AND ${runsOn(node)}),
    known AS MATERIALIZED (
      SELECT g.task_id FROM task_gates g WHERE g.task_id = (SELECT task_id FROM own) FOR NO KEY UPDATE SKIP LOCKED),
    changed AS (
      UPDATE task_gates SET readings = ${JSON.stringify(readings)}::json, read_at = clock_timestamp()
      WHERE task_id = ANY(ARRAY(SELECT task_id FROM known)) RETURNING task_id),
    added AS (
      INSERT INTO task_gates (task_id, readings, read_at)
      SELECT task_id, ${JSON.stringify(readings)}::json, clock_timestamp() FROM own
      WHERE NOT EXISTS (SELECT 1 FROM task_gates g WHERE g.task_id = own.task_id)
      ON CONFLICT (task_id) DO NOTHING RETURNING task_id)
    SELECT EXISTS (SELECT 1 FROM changed) OR EXISTS (SELECT 1 FROM added) AS is_written, EXISTS (SELECT 1 FROM own) AS is_own`;
  return untilUnlocked(async () => {
    const { rows } = await fromStore(statement.execute(db));
    return rows[0] === undefined ? false : writtenOr(rows[0]);
  });
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
