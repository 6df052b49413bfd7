import { LongshoreError, stopReasonOf } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import type { NodeIdentity, SubtaskAttempt } from '../claims/holder.ts';
import { fromStore } from '../session/open-store.ts';
import { pageOfTask } from './subtask-pages.ts';
import { LOOK_LOCK_MS, untilUnlocked } from '../session/look-again.ts';
import { allTogether, inTransaction, type Commit, type Db, type Tx } from '../session/transactions.ts';
import { isPlanned } from '../schema/kind-predicates.ts';

/** The plan subtask that writes, and what it plans. */
export interface PlanAttempt extends SubtaskAttempt {
  readonly taskId: string;
  /** The step that is being planned. */
  readonly step: string;
}

export interface PlannedRow {
  readonly ordinal: number;
  readonly execId: string;
  readonly isIdempotent: boolean;
  readonly meta: unknown;
}

/** A page that is written together with the end of its plan. */
export interface PlannedPage {
  readonly step: string;
  readonly rows: readonly PlannedRow[];
}

/** Rows of a page at most: one takes 16 to 53 ms under its locks; at 5,000 it was up to 420. */
export const PLAN_PAGE_ROWS = 1_000;
/** Rows of an abandoned attempt that are deleted at once. */
const DELETE_PAGE_ROWS = 10_000;

/**
 * Writes one page of a plan. It commits only while the caller is still the plan's holder and the task still wants the plan, both checked
 * under lock: that is how a cancel reaches a plan of a million rows. Rows carry the plan's attempt, so that what an earlier
 * attempt wrote can never be mistaken for this one's. While somebody else has locked one of the two it waits without a session.
 *
 * @returns false when the plan has another holder or the task moved on: stop planning.
 */
export async function insertPlanPage(
  db: Db,
  node: NodeIdentity,
  plan: PlanAttempt,
  rows: readonly PlannedRow[],
): Promise<boolean> {
  const write = async (tx: Tx, commit: Commit): Promise<boolean> => {
    if (!(await lockPlan(tx, node, plan))) return false;
    // Nobody else writes these rows, so nothing is waited for any more that somebody may keep locked.
    await commit([PATIENT_AGAIN, pageInsertion(plan, rows)], 'plan.page-before-commit');
    return true;
  };
  return untilUnlocked(() => inTransaction(db, write, LOOK_LOCK_MS));
}

/** From here on the transaction waits for locks as others do. */
const PATIENT_AGAIN = sql`RESET lock_timeout`;

/** Inserts a page's rows. For transactions that hold the task and the plan, see {@link insertPlanPage}. */
export function pageInsertion(plan: PlanAttempt, rows: readonly PlannedRow[]): RawBuilder<unknown> {
  return sql`
    INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
    SELECT ${plan.taskId}, 'work', ${plan.step}, ${plan.attempt}, p.ordinal, 'pending', p.exec_id, p.is_idempotent, p.meta
    FROM unnest(
      ${rows.map((row) => row.ordinal)}::int[],
      ${rows.map((row) => row.execId)}::text[],
      ${rows.map((row) => row.isIdempotent)}::boolean[],
      ${rows.map((row) => JSON.stringify(row.meta))}::json[]
    ) AS p(ordinal, exec_id, is_idempotent, meta)`;
}

/**
 * Deletes what earlier attempts of plans left, page by page, before a new attempt starts. Pending work that is not of the task's
 * current step and plan attempt can only be that.
 *
 * @returns false when the plan has another holder by now.
 */
export async function clearAbandonedPlan(db: Db, node: NodeIdentity, plan: PlanAttempt): Promise<boolean> {
  for (;;) {
    const clear = async (tx: Tx): Promise<number | false> => {
      if (!(await lockPlan(tx, node, plan))) return false;
      const current = await sql<{ step: string | null; plan_attempt: number }>`
        SELECT step, plan_attempt FROM tasks WHERE id = ${plan.taskId}`.execute(tx);
      const { step = null, plan_attempt: planAttempt = 0 } = current.rows[0] ?? {};
      const isAbandoned = sql`${isPlanned()} AND state = 'pending'
        AND (step, plan_attempt) IS DISTINCT FROM (${step}, ${planAttempt}::int)
        AND (step, plan_attempt) <> (${plan.step}, ${plan.attempt}::int)`;
      const page = await sql`
        DELETE FROM subtasks WHERE id = ${pageOfTask(plan.taskId, isAbandoned, DELETE_PAGE_ROWS)}`.execute(tx);
      return Number(page.numAffectedRows ?? 0n);
    };
    const deleted = await untilUnlocked<number | false>(() => inTransaction(db, clear, LOOK_LOCK_MS));
    if (deleted === false) return false;
    if (deleted < DELETE_PAGE_ROWS) return true;
  }
}

/**
 * Checks that a step may be planned: it was not run before.
 *
 * @throws {LongshoreError} PLAN_INVALID.
 */
export async function checkStepIsNew(db: Db, taskId: string, step: string): Promise<void> {
  const ran = await fromStore(sql`SELECT 1 FROM task_steps WHERE task_id = ${taskId} AND step = ${step}`.execute(db));
  if (ran.rows.length > 0) {
    throw new LongshoreError('PLAN_INVALID', `nextStep of task ${taskId} answered ${step}, which has run already`);
  }
}

/**
 * The task's row is shared, as in claims; the plan's row is taken FOR NO KEY UPDATE, which a reclaim waits for. KEY SHARE would not
 * do: an open page's rows became claimable beside the new plan's.
 */
async function lockPlan(tx: Tx, node: NodeIdentity, plan: PlanAttempt): Promise<boolean> {
  const [task, own] = await allTogether([
    sql<{ state: string }>`SELECT state FROM tasks WHERE id = ${plan.taskId} FOR KEY SHARE`.execute(tx),
    sql`
      SELECT 1 FROM subtasks
      WHERE id = ${plan.id} AND exec_id = ${node.id} AND attempt = ${plan.attempt} AND state = 'running'
      FOR NO KEY UPDATE`.execute(tx),
  ]);
  return stopReasonOf('plan', task.rows[0]?.state ?? 'gone') === null && own.rows.length === 1;
}
