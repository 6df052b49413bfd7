import { isTerminalTaskState, TaskState } from '@longshore/core';
import { sql } from 'kysely';
import { archiveSubtasks } from '../settlements/move-to-history.ts';
import { recordEvents } from './record-event.ts';
import { pageOfTask } from '../plans/subtask-pages.ts';
import type { Tx } from '../session/transactions.ts';
import type { LockedTask } from './transition-task.ts';
import { isKnown, isKnownControl, isPlanned, isUnknown } from '../schema/kind-predicates.ts';

/** Rows of a task that are ended or archived in one transaction. */
const END_PAGE_ROWS = 10_000;

/** Columns of a task in the order in which history takes them. */
const COLUMNS = sql.raw(
  [
    'id, key, type, type_version, state, outcome, version, priority, scope, slots, slots_per_subtask, max_nodes, on_failure',
    'step, plan_attempt, is_prepared, meta, result, error, reserved_nodes, waiting, retry, trace, throttle, gates, event_seq',
    'prior_state, modification, revision, runtime_slots, selectors, pause_on, subtask_timeout_ms, stall_timeout_ms',
    'deadline_ms, deadline_at, deadline_left, is_forced, is_validated, created_at, updated_at, started_at, ended_at',
  ].join(', '),
);

/** Whether a subtask of a task runs, of whichever kind. One of a kind that this build doesn't know counts as running in any state. */
export async function hasRunning(tx: Tx, task: LockedTask): Promise<boolean> {
  const running = await sql`
    SELECT 1 FROM subtasks WHERE task_id = ${task.id} AND state = 'running'
    UNION ALL SELECT 1 FROM subtasks WHERE task_id = ${task.id} AND ${isUnknown()} LIMIT 1`.execute(tx);
  return running.rows.length > 0;
}

const ENDING = { all: isKnown, hooks: isKnownControl, work: isPlanned } as const;

/**
 * Ends pending rows of a task that is being undone, of the kinds that this build knows. Those that never started are dropped and counted;
 * those that ran once keep their traces in history. A million at once would be one transaction of 17 s and 1 GB of WAL, so it goes in pages.
 *
 * @param which what of it ends. Default all.
 * @returns whether there may be more.
 */
export async function endPending(tx: Tx, task: LockedTask, which: 'all' | 'hooks' | 'work' = 'all'): Promise<boolean> {
  const isWaiting = sql`state IN ('pending', 'paused')`;
  const page = await sql<{ id: string; attempt: number }>`
    SELECT id, attempt FROM subtasks
    WHERE id = ${pageOfTask(task.id, sql`${isWaiting} AND ${ENDING[which]()}`, END_PAGE_ROWS)} AND ${isWaiting}
    ORDER BY id FOR UPDATE`.execute(tx);
  const started = page.rows.filter((row) => row.attempt > 0).map((row) => row.id);
  const fresh = page.rows.filter((row) => row.attempt === 0).map((row) => row.id);
  await archiveSubtasks(tx, started);
  await sql`
    WITH gone AS (DELETE FROM subtasks WHERE id = ANY(${fresh}::bigint[]) RETURNING step, plan_attempt, kind)
    UPDATE task_steps st SET canceled = st.canceled + g.n
    FROM (SELECT step, plan_attempt, count(*)::int AS n FROM gone WHERE ${isPlanned()} GROUP BY 1, 2) g
    WHERE st.task_id = ${task.id} AND st.step = g.step AND st.plan_attempt = g.plan_attempt`.execute(tx);
  return page.rows.length === END_PAGE_ROWS;
}

/**
 * Moves a terminal task into history, page by page. What still runs ends by its holder's word, or when its node is fenced; until
 * then the task stays.
 *
 * @param skipped the event of a clean-up hook that was left out.
 * @returns whether anything was moved.
 */
export async function archiveTask(
  tx: Tx,
  task: LockedTask,
  skipped: { readonly actor: string; readonly message: string } | null,
): Promise<boolean> {
  if (!isTerminalTaskState(task.state) || (await hasRunning(tx, task))) return false;
  // Work that waited for a revert which was skipped then.
  if (task.state === TaskState.reverted && (await endPending(tx, task, 'work'))) return true;
  await redactMeta(tx, task);
  const rest = await sql<{ id: string }>`
    SELECT id FROM subtasks WHERE id = ${pageOfTask(task.id, sql`true`, END_PAGE_ROWS)} ORDER BY id FOR UPDATE`.execute(
    tx,
  );
  await archiveSubtasks(
    tx,
    rest.rows.map((row) => row.id),
  );
  if (rest.rows.length === END_PAGE_ROWS) return true;
  if (skipped !== null) await recordEvents(tx, task.id, [{ ...skipped, kind: 'hook-skipped' }]);
  await sql`DELETE FROM task_budgets WHERE task_id = ${task.id}`.execute(tx);
  await sql`DELETE FROM task_gates WHERE task_id = ${task.id}`.execute(tx);
  await sql`
    WITH gone AS (DELETE FROM tasks WHERE id = ${task.id} RETURNING *)
    INSERT INTO task_history (${COLUMNS}) SELECT ${COLUMNS} FROM gone`.execute(tx);
  return true;
}

/** The meta that history keeps is what the clean-up hook answered, if it did: with what is secret or long taken out. */
async function redactMeta(tx: Tx, task: LockedTask): Promise<void> {
  await sql`
    UPDATE tasks SET meta = clean.result->'meta'
    FROM subtasks clean
    WHERE tasks.id = ${task.id} AND clean.task_id = ${task.id} AND clean.kind = 'clean' AND clean.state = 'succeed'
      AND clean.result->'meta' IS NOT NULL`.execute(tx);
}
