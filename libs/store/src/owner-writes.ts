import {
  isTerminalTaskState,
  nextTaskState,
  TaskState,
  type ControlKind,
  type ErrorData,
  type PlanResult,
  type TaskGuard,
  type TaskOutcome,
} from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import { asLeader, type LeaderCommit, type LeaderLease } from './leader-lease.ts';
import { instant } from './record-event.ts';
import { archiveSubtasks, archiveSucceededControl } from './move-to-history.ts';
import { pageOfTask } from './subtask-pages.ts';
import { COMMIT_LATER, type Db, type Tx } from './transactions.ts';
import { lockTask, transitionOf, transitionTask, type LockedTask } from './transition-task.ts';

/**
 * The leading owner's writes. Each runs behind the leader's fence, takes the task's row, and checks that the snapshot on which
 * it was decided still holds; if not it writes nothing and answers false, and the next pass decides anew.
 */
export interface OwnerWrites {
  /** Stores where tasks have slots and why the others wait. */
  saveAdmissions(changes: readonly AdmissionChange[]): Promise<void>;
  /**
   * Adds a control subtask on a node.
   *
   * @param reserved nodes that the task has just been given: stored in the same transaction.
   */
  insertControl(
    taskId: string,
    state: string,
    kind: ControlKind,
    node: string,
    reserved?: readonly string[],
  ): Promise<boolean>;
  /** Applies what `prepare` asked for, so that the task can be admitted. */
  consumePrepare(taskId: string, control: string): Promise<boolean>;
  /** Makes the planned step the current one: from then on its rows are claimable. */
  consumePlan(taskId: string, control: string, after: AfterLastStep): Promise<boolean>;
  /** Ends a task that has done its last step. */
  finish(taskId: string, control: string | null): Promise<boolean>;
  /** @param isUntouched nothing was changed yet: it is undone whatever `onFailure` says, as there is nothing to decide. */
  fail(taskId: string, error: ErrorData, isUntouched?: boolean): Promise<boolean>;
  /** The framework itself can't run it. */
  refuse(taskId: string, error: ErrorData): Promise<boolean>;
  /** Goes from cancelling to reverting. */
  stop(taskId: string): Promise<boolean>;
  /** Ends one page of pending rows of a task that is being undone. True: there may be more. */
  endPending(taskId: string): Promise<boolean>;
  undo(taskId: string, control: string | null): Promise<boolean>;
  /** Moves a terminal task into history. */
  archive(taskId: string): Promise<boolean>;
}

/** What follows a plan that found no further step. */
export type AfterLastStep = { readonly do: 'insert-finish'; readonly node: string | null } | { readonly do: 'finish' };

export interface AdmissionChange {
  readonly taskId: string;
  readonly reservedNodes: readonly string[];
  readonly waiting: { readonly code: string; readonly message: string } | null;
}

/** Rows of a task that are ended or archived in one transaction. */
const END_PAGE_ROWS = 10_000;

/** @param actor the owner's name, for events. */
export function ownerWrites(db: Db, lease: LeaderLease, actor: string): OwnerWrites {
  const withTask = (
    id: string,
    work: (tx: Tx, task: LockedTask, commit: LeaderCommit) => Promise<boolean>,
  ): Promise<boolean> =>
    asLeader<boolean, LockedTask | null>(
      db,
      lease,
      async (tx, task, commit) => (task === null ? false : work(tx, task, commit)),
      (tx) => lockTask(tx, id),
    );

  return {
    saveAdmissions: (changes) => saveAdmissions(db, lease, changes),
    insertControl: (id, state, kind, node, reserved) =>
      withTask(id, async (tx, task, commit) => {
        if (task.state !== state || !(await isReadyFor(kind, tx, task))) return false;
        await commit(COMMIT_LATER, controlInsertion(task, kind, node, reserved));
        return true;
      }),
    consumePrepare: (id, control) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.pending) return false;
        const result = await takeResult(tx, task, control, 'prepare');
        if (result === undefined) return false;
        const prepared = (result ?? {}) as { meta?: unknown; slots?: number; maxNodes?: number };
        await sql`
          UPDATE tasks SET is_prepared = true, version = version + 1, updated_at = clock_timestamp(),
            meta = coalesce(${prepared.meta === undefined ? null : JSON.stringify(prepared.meta)}::json, meta),
            slots = coalesce(${prepared.slots ?? null}, slots),
            slots_per_subtask = least(slots_per_subtask, coalesce(${prepared.slots ?? null}, slots_per_subtask)),
            max_nodes = coalesce(${prepared.maxNodes ?? null}, max_nodes)
          WHERE id = ${task.id}`.execute(tx);
        return true;
      }),
    consumePlan: (id, control, after) =>
      withTask(id, async (tx, task, commit) => {
        if (task.state !== TaskState.pending && task.state !== TaskState.running) return false;
        if (await hasUnfinishedWork(tx, task)) return false;
        const result = (await takeResult(tx, task, control, 'plan')) as StoredPlanResult | undefined;
        if (result === undefined) return false;
        if (result.step !== null) await commit(...stepStart(task, result, actor));
        else await endSteps(tx, task, after, actor);
        return true;
      }),
    finish: (id, control) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.running || (await hasUnfinishedWork(tx, task))) return false;
        const result = control === null ? undefined : await takeResult(tx, task, control, 'finish');
        if (control !== null && result === undefined) return false;
        await transitionTask(tx, task, {
          trigger: 'finish',
          to: TaskState.succeed,
          actor,
          outcome: 'succeeded',
          ...(result === undefined || result === null ? {} : { result }),
        });
        return true;
      }),
    fail: (id, error, isUntouched = false) =>
      withTask(id, async (tx, task) => {
        const guards: TaskGuard[] = [
          task.onFailure === 'hold' && !isUntouched ? 'onFailure is hold' : 'onFailure is revert',
          'a revert failed',
        ];
        const to = nextTaskState(task.state as TaskState, 'fail', guards);
        if (to === null) return false;
        await transitionTask(tx, task, { trigger: 'fail', to, actor, error });
        return true;
      }),
    refuse: (id, error) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.pending) return false;
        await transitionTask(tx, task, { trigger: 'refuse', to: TaskState.failed, actor, error, outcome: 'failed' });
        return true;
      }),
    stop: (id) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.cancelling) return false;
        await archiveEndedControls(tx, task);
        await transitionTask(tx, task, { trigger: 'stop', to: TaskState.reverting, actor });
        return true;
      }),
    endPending: (id) =>
      withTask(id, (tx, task) => (task.state === TaskState.reverting ? endPending(tx, task) : Promise.resolve(false))),
    undo: (id, control) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.reverting || (await hasRunning(tx, task))) return false;
        if (control !== null && (await takeResult(tx, task, control, 'revert')) === undefined) return false;
        await transitionTask(tx, task, {
          trigger: 'undo',
          to: TaskState.reverted,
          actor,
          outcome: await outcomeOf(tx, task),
        });
        return true;
      }),
    archive: (id) => withTask(id, archiveTask),
  };
}

type StoredPlanResult = PlanResult & { readonly totalRows?: number | null; readonly totalBytes?: number | null };

/**
 * Whether work of the current step is still to be done, or has failed. Asked again under the task's lock, in a statement after it: by
 * the snapshot alone a task was finished that had just got a new pending row.
 */
async function hasUnfinishedWork(tx: Tx, task: LockedTask): Promise<boolean> {
  if (task.step === null) return false;
  const unfinished = await sql`
    SELECT 1 FROM subtasks
    WHERE task_id = ${task.id} AND kind = 'work' AND step = ${task.step} AND plan_attempt = ${task.planAttempt}
      AND state NOT IN ('succeed', 'skipped', 'canceled')
    ORDER BY ordinal LIMIT 1`.execute(tx);
  return unfinished.rows.length > 0;
}

async function hasRunning(tx: Tx, task: LockedTask): Promise<boolean> {
  const running = await sql`
    SELECT 1 FROM subtasks WHERE task_id = ${task.id} AND state = 'running' LIMIT 1`.execute(tx);
  return running.rows.length > 0;
}

/** Whether the task's rows allow a hook of this kind now, as the snapshot said. */
async function isReadyFor(kind: ControlKind, tx: Tx, task: LockedTask): Promise<boolean> {
  switch (kind) {
    case 'plan':
    case 'finish':
      return !(await hasUnfinishedWork(tx, task));
    case 'revert':
      return !(await hasRunning(tx, task));
    case 'prepare':
    case 'clean':
    case 'gates':
      return true;
  }
}

/**
 * Consumes a control subtask that has succeeded: moves it into history and answers its result. Undefined: the snapshot is out of date,
 * and nothing was changed.
 */
async function takeResult(tx: Tx, task: LockedTask, control: string, kind: ControlKind): Promise<unknown> {
  return archiveSucceededControl(tx, { id: control, taskId: task.id, kind });
}

function controlInsertion(
  task: LockedTask,
  kind: ControlKind,
  node: string,
  reserved?: readonly string[],
): RawBuilder<unknown> {
  // One row per kind and step, and one for the gates of all steps: two passes that decide the same write it once. Both arms hang on the task's lock, which is held.
  const admitted =
    reserved === undefined
      ? sql``
      : sql`WITH admitted AS (UPDATE tasks SET reserved_nodes = ${reserved}::text[], waiting = NULL WHERE id = ${task.id})`;
  return sql`${admitted}
    INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
    VALUES (${task.id}, ${kind}, ${kind === 'gates' ? '' : (task.step ?? '')}, 0, 1, 'pending', ${node}, true, '{}')
    ON CONFLICT (task_id, kind, step, plan_attempt, ordinal) DO NOTHING`;
}

/** The statements that make a planned step the current one. The step's row hangs on the same task as the transition. */
function stepStart(task: LockedTask, result: StoredPlanResult, actor: string): readonly RawBuilder<unknown>[] {
  const step = sql`
    INSERT INTO task_steps (task_id, step, position, plan_attempt, subtasks, total_rows, total_bytes)
    SELECT id, ${result.step}, (SELECT count(*) + 1 FROM task_steps WHERE task_id = ${task.id}), ${result.planAttempt}::int,
      ${result.subtasks}::int, ${result.totalRows ?? null}::bigint, ${result.totalBytes ?? null}::bigint
    FROM tasks WHERE id = ${task.id} AND state = ${task.state} AND version = ${task.version}`;
  const transition = transitionOf(task, {
    trigger: 'plan',
    to: TaskState.running,
    actor,
    step: { name: result.step, planAttempt: result.planAttempt },
    message: `step ${result.step ?? ''}: ${result.subtasks} subtasks`,
  });
  return [COMMIT_LATER, step, transition];
}

async function endSteps(tx: Tx, task: LockedTask, after: AfterLastStep, actor: string): Promise<void> {
  const running =
    task.state === TaskState.running ? task : { ...task, state: TaskState.running, version: task.version + 1 };
  if (task.state !== TaskState.running) {
    await transitionTask(tx, task, { trigger: 'plan', to: TaskState.running, actor, message: 'there are no steps' });
  }
  if (after.do === 'insert-finish') {
    if (after.node !== null) await controlInsertion(running, 'finish', after.node).execute(tx);
    return;
  }
  await transitionTask(tx, running, { trigger: 'finish', to: TaskState.succeed, actor, outcome: 'succeeded' });
}

async function saveAdmissions(db: Db, lease: LeaderLease, changes: readonly AdmissionChange[]): Promise<void> {
  if (changes.length === 0) return;
  await asLeader(db, lease, async (tx) => {
    const ids = changes.map((change) => change.taskId);
    await sql`SELECT 1 FROM tasks WHERE id = ANY(${ids}::bigint[]) ORDER BY id FOR UPDATE`.execute(tx);
    await sql`
      UPDATE tasks t SET
        reserved_nodes = ARRAY(SELECT json_array_elements_text(c.nodes)),
        -- "since" is kept while the reason's code stays the same
        waiting = CASE
          WHEN c.code IS NULL THEN NULL
          ELSE json_build_object('code', c.code, 'message', c.message, 'since',
            CASE WHEN t.waiting->>'code' = c.code THEN t.waiting->>'since'
            ELSE ${instant(sql`clock_timestamp()`)} END)
        END
      FROM unnest(
        ${ids}::bigint[],
        ${changes.map((change) => JSON.stringify(change.reservedNodes))}::json[],
        ${changes.map((change) => change.waiting?.code ?? null)}::text[],
        ${changes.map((change) => change.waiting?.message ?? null)}::text[]
      ) AS c(id, nodes, code, message)
      WHERE t.id = c.id AND t.state IN ('pending', 'running')`.execute(tx);
  });
}

/**
 * Ends pending rows of a task that is being undone. Those that never started are dropped and counted; those that ran once keep their
 * traces in history. A million at once would be one transaction of 17 s and 1 GB of WAL, so it goes in pages.
 */
async function endPending(tx: Tx, task: LockedTask): Promise<boolean> {
  const isWaiting = sql`state IN ('pending', 'paused')`;
  const page = await sql<{ id: string; attempt: number }>`
    SELECT id, attempt FROM subtasks
    WHERE id = ${pageOfTask(task.id, isWaiting, END_PAGE_ROWS)} AND ${isWaiting} ORDER BY id FOR UPDATE`.execute(tx);
  const started = page.rows.filter((row) => row.attempt > 0).map((row) => row.id);
  const fresh = page.rows.filter((row) => row.attempt === 0).map((row) => row.id);
  await archiveSubtasks(tx, started);
  await sql`
    WITH gone AS (DELETE FROM subtasks WHERE id = ANY(${fresh}::bigint[]) RETURNING step, plan_attempt, kind)
    UPDATE task_steps st SET canceled = st.canceled + g.n
    FROM (SELECT step, plan_attempt, count(*)::int AS n FROM gone WHERE kind = 'work' GROUP BY 1, 2) g
    WHERE st.task_id = ${task.id} AND st.step = g.step AND st.plan_attempt = g.plan_attempt`.execute(tx);
  return page.rows.length === END_PAGE_ROWS;
}

/** A revert that failed before must not stand for the one that this cancel asks for. */
async function archiveEndedControls(tx: Tx, task: LockedTask): Promise<void> {
  const ended = await sql<{ id: string }>`
    SELECT id FROM subtasks
    WHERE task_id = ${task.id} AND kind <> 'work' AND state IN ('succeed', 'failed') ORDER BY id FOR UPDATE`.execute(
    tx,
  );
  await archiveSubtasks(
    tx,
    ended.rows.map((row) => row.id),
  );
}

/** How a task ends that was undone: as canceled when a user wanted it, otherwise as failed. */
async function outcomeOf(tx: Tx, task: LockedTask): Promise<TaskOutcome> {
  const canceled = await sql`
    SELECT 1 FROM task_events WHERE task_id = ${task.id} AND kind = 'cancel' LIMIT 1`.execute(tx);
  return canceled.rows.length > 0 ? 'canceled' : 'failed';
}

/** What still runs ends by its holder's word, or when its node is fenced; until then the task stays. */
async function archiveTask(tx: Tx, task: LockedTask): Promise<boolean> {
  if (!isTerminalTaskState(task.state) || (await hasRunning(tx, task))) return false;
  const rest = await sql<{ id: string }>`
    SELECT id FROM subtasks WHERE id = ${pageOfTask(task.id, sql`true`, END_PAGE_ROWS)} ORDER BY id FOR UPDATE`.execute(
    tx,
  );
  await archiveSubtasks(
    tx,
    rest.rows.map((row) => row.id),
  );
  if (rest.rows.length === END_PAGE_ROWS) return true;
  await sql`DELETE FROM task_budgets WHERE task_id = ${task.id}`.execute(tx);
  await sql`DELETE FROM task_gates WHERE task_id = ${task.id}`.execute(tx);
  await sql`
    WITH gone AS (DELETE FROM tasks WHERE id = ${task.id} RETURNING *)
    INSERT INTO task_history (id, key, type, type_version, state, outcome, version, priority, scope, slots, slots_per_subtask,
      max_nodes, on_failure, step, plan_attempt, is_prepared, meta, result, error, reserved_nodes, waiting, retry, trace,
      throttle, gates, event_seq, created_at, updated_at, started_at, ended_at)
    SELECT id, key, type, type_version, state, outcome, version, priority, scope, slots, slots_per_subtask,
      max_nodes, on_failure, step, plan_attempt, is_prepared, meta, result, error, reserved_nodes, waiting, retry, trace,
      throttle, gates, event_seq, created_at, updated_at, started_at, ended_at
    FROM gone`.execute(tx);
  return true;
}
