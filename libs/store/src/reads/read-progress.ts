import type { ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { isControl, isPlanned } from '../schema/kind-predicates.ts';

/** How far a planned step is. */
export interface StoredStepProgress {
  readonly step: string;
  readonly total: number;
  readonly pending: number;
  /** Claimed by a node, whether it has started or not. */
  readonly running: number;
  readonly succeeded: number;
  /** A person decided to continue without them. */
  readonly skipped: number;
  readonly failed: number;
  /** Stopped, or never started, because their task is undone. */
  readonly canceled: number;
  readonly rows: number;
  readonly bytes: number;
  readonly totalRows: number | null;
  readonly totalBytes: number | null;
}

export interface StoredNodeProgress {
  readonly node: string;
  /** Claimed by it, whether it has started or not. */
  readonly running: number;
  readonly pending: number;
  readonly succeeded: number;
  readonly skipped: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface TaskProgress {
  readonly steps: readonly StoredStepProgress[];
  /** What each node has of the current step. */
  readonly nodes: readonly StoredNodeProgress[];
  readonly controls: readonly {
    readonly kind: string;
    readonly state: string;
    readonly node: string;
    readonly attempt: number;
    readonly error: ErrorData | null;
  }[];
  /**
   * Subtasks that had to be started again: after a failure, a loss of their node, or a release. Where so many were that their events are
   * grouped, one that was started again several times counts each time.
   */
  readonly rerun: number;
}

interface CountRow {
  step: string;
  exec_id: string;
  state: string;
  n: number;
  rows: string;
  bytes: string;
}

/** A task's progress, counted from its rows: in proportion to them, so ask for it only while somebody looks. */
export async function readProgress(db: Db, taskId: string, currentStep: string | null): Promise<TaskProgress> {
  const [steps, counts, controls, rerun] = await fromStore(
    Promise.all([
      db
        .selectFrom('task_steps')
        .select(['step', 'subtasks', 'canceled', 'total_rows', 'total_bytes'])
        .where('task_id', '=', taskId)
        .orderBy('position')
        .execute(),
      sql<CountRow>`
      SELECT s.step, s.exec_id, s.state, count(*)::int AS n, sum(s.rows) AS rows, sum(s.bytes) AS bytes
      FROM (
        SELECT task_id, step, plan_attempt, exec_id, state, rows, bytes FROM subtasks
          WHERE task_id = ${taskId} AND ${isPlanned()}
        UNION ALL
        SELECT task_id, step, plan_attempt, exec_id, state, rows, bytes FROM subtask_history
          WHERE task_id = ${taskId} AND ${isPlanned()}
      ) s JOIN task_steps st ON st.task_id = s.task_id AND st.step = s.step AND st.plan_attempt = s.plan_attempt
      GROUP BY 1, 2, 3`.execute(db),
      sql<{ kind: string; state: string; exec_id: string; attempt: number; error: ErrorData | null }>`
      SELECT kind, state, exec_id, attempt, error FROM subtasks WHERE task_id = ${taskId} AND ${isControl()} ORDER BY id`.execute(
        db,
      ),
      sql<{ n: number }>`
      SELECT (count(DISTINCT subtask_id) + coalesce(sum(events - 1), 0))::int AS n FROM task_events
      WHERE task_id = ${taskId} AND kind IN ('subtask-retry', 'subtask-released', 'subtask-node-lost')`.execute(db),
    ]),
  );
  return {
    steps: steps.map((step) => ({
      ...sumOf(
        counts.rows.filter((row) => row.step === step.step),
        step.canceled,
      ),
      step: step.step,
      total: step.subtasks,
      totalRows: step.total_rows === null ? null : Number(step.total_rows),
      totalBytes: step.total_bytes === null ? null : Number(step.total_bytes),
    })),
    nodes: [
      ...Map.groupBy(
        counts.rows.filter((row) => row.step === currentStep),
        (row) => row.exec_id,
      ),
    ]
      .map(([node, rows]) => ({ node, ...sumOf(rows) }))
      .toSorted((a, b) => (a.node < b.node ? -1 : 1)),
    controls: controls.rows.map(({ exec_id, ...row }) => ({ ...row, node: exec_id })),
    rerun: rerun.rows[0]?.n ?? 0,
  };
}

/** @param dropped canceled ones without a row. Default 0. */
function sumOf(
  rows: readonly CountRow[],
  dropped = 0,
): Omit<StoredStepProgress, 'step' | 'total' | 'totalRows' | 'totalBytes'> {
  const count = (...states: string[]): number =>
    rows.filter((row) => states.includes(row.state)).reduce((sum, row) => sum + row.n, 0);
  return {
    pending: count('pending', 'paused'),
    running: count('running'),
    succeeded: count('succeed'),
    skipped: count('skipped'),
    failed: count('failed'),
    canceled: count('canceled') + dropped,
    rows: rows.reduce((sum, row) => sum + Number(row.rows), 0),
    bytes: rows.reduce((sum, row) => sum + Number(row.bytes), 0),
  };
}
