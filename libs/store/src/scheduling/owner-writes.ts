import { nextTaskState, TaskState, type ControlKind, type ErrorData, type TaskGuard } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import { applyModification, dropModification } from '../tasks/apply-modification.ts';
import { archiveEndedControls } from '../settlements/ended-controls.ts';
import { archiveTask, endPending, hasRunning } from '../tasks/end-task.ts';
import { asLeader, asLeaderAtOnce, type LeaderCommit, type LeaderLease } from './leader-lease.ts';
import { archiveSucceededControl } from '../settlements/move-to-history.ts';
import { instant, recordEvents } from '../tasks/record-event.ts';
import { outcomeOfUndone } from '../tasks/resolve-task.ts';
import { restartTask, settlePause, suspendTask } from '../settlements/settle-pause.ts';
import { takePlacement } from '../plans/step-placement.ts';
import { validationOf } from '../tasks/submitted-task.ts';
import type { TaskSettings } from '../tasks/task-settings.ts';
import { findUnfinished, stepStart, type StoredPlanResult } from '../plans/step-start.ts';
import { COMMIT_LATER, type Db, type Tx } from '../session/transactions.ts';
import { lockTask, transitionOf, transitionTask, type LockedTask } from '../tasks/transition-task.ts';

/**
 * The leading owner's writes. Each runs behind the leader's fence, takes the task's row, and checks that the snapshot on which
 * it was decided still holds; if not it writes nothing and answers false, and the next pass decides anew.
 */
export interface OwnerWrites {
  /** Stores where tasks have slots and why the others wait. */
  saveAdmissions(changes: readonly AdmissionChange[]): Promise<void>;
  /** Gives a task that was submitted within a transaction its settings: from then on it is like any other. */
  validate(taskId: string, settings: TaskSettings): Promise<boolean>;
  /**
   * Adds a control subtask on a node.
   *
   * @param reserved nodes that the task has just been given: stored in the same transaction.
   * @param meta what the hook is told. Default nothing.
   */
  insertControl(
    taskId: string,
    state: string,
    kind: ControlKind,
    node: string,
    reserved?: readonly string[],
    meta?: ControlMeta,
  ): Promise<boolean>;
  /** Applies what `prepare` asked for, so that the task can be admitted. */
  consumePrepare(taskId: string, control: string): Promise<boolean>;
  /** Makes the planned step the current one: from then on its rows are claimable. */
  consumePlan(taskId: string, control: string, after: AfterLastStep): Promise<boolean>;
  /** Takes what the type said of where the step may run; where it could not say, what it said before holds on. */
  consumePlace(taskId: string, control: string): Promise<boolean>;
  /** Ends a task that has done its last step. */
  finish(taskId: string, control: string | null): Promise<boolean>;
  /**
   * @param why `isUntouched`: nothing was changed yet, so it is undone whatever `onFailure` says, as there is nothing to decide;
   * `guard`: what failed, where that decides.
   */
  fail(
    taskId: string,
    error: ErrorData,
    why?: { readonly isUntouched?: boolean | undefined; readonly guard?: TaskGuard | undefined },
  ): Promise<boolean>;
  /** Its errors are of the kind that pauses it. */
  suspend(taskId: string, error: ErrorData): Promise<boolean>;
  /** A pausing task of which nothing runs any more is paused. */
  settle(taskId: string): Promise<boolean>;
  /** A resuming task goes on. */
  restart(taskId: string): Promise<boolean>;
  /** Writes what is to be modified. @param control the subtask that answered the new meta; null: it stays. */
  apply(taskId: string, control: string | null): Promise<boolean>;
  /** The task type refused what is to be modified. */
  drop(taskId: string, error: ErrorData): Promise<boolean>;
  /** The framework itself can't run it. */
  refuse(taskId: string, error: ErrorData): Promise<boolean>;
  /** Goes from cancelling to reverting. */
  stop(taskId: string): Promise<boolean>;
  /** Ends one page of pending rows of a task that is being undone. True: there may be more. */
  endPending(taskId: string): Promise<boolean>;
  /** @param skipped why its revert hook was left out; undefined: it wasn't. */
  undo(taskId: string, control: string | null, skipped?: string): Promise<boolean>;
  /** Moves a terminal task into history. @param skipped why its clean-up hook was left out; undefined: it wasn't. */
  archive(taskId: string, skipped?: string): Promise<boolean>;
}

/** What follows a plan that found no further step. */
export type AfterLastStep = { readonly do: 'insert-finish'; readonly node: string | null } | { readonly do: 'finish' };

/** What a control subtask carries for its hook, or for whoever takes its result. */
export interface ControlMeta {
  /** For `place`: the membership for which it asks. */
  readonly placedFor?: string;
}

/** What a scheduling pass has found for a task. */
export interface AdmissionChange {
  readonly taskId: string;
  /** Nodes that it has slots on from now; null: it takes no part in the admission, and only what it waits for is written. */
  readonly reservedNodes: readonly string[] | null;
  readonly waiting: { readonly code: string; readonly message: string } | null;
}

/** @param actor the owner's name, for events. */
export function ownerWrites(db: Db, lease: LeaderLease, actor: string): OwnerWrites {
  /** @param read what `work` needs besides the task: sent right behind the lock, so that it takes no trip of its own. */
  const withTask = <R = undefined>(
    id: string,
    work: (tx: Tx, task: LockedTask, commit: LeaderCommit, read: R) => Promise<boolean>,
    read?: (tx: Tx) => Promise<R>,
  ): Promise<boolean> =>
    asLeader<boolean, readonly [LockedTask | null, R | undefined]>(
      db,
      lease,
      async (tx, [task, found], commit) => (task === null ? false : work(tx, task, commit, found as R)),
      (tx) => Promise.all([lockTask(tx, id), read?.(tx)]),
    );

  return {
    saveAdmissions: (changes) => saveAdmissions(db, lease, changes),
    validate: (id, settings) =>
      withTask(id, async (tx) => (await validationOf(id, settings).execute(tx)).numAffectedRows === 1n),
    insertControl: (id, state, kind, node, reserved, meta) => {
      // Before the first step nothing but the state has to be looked at.
      if (state === TaskState.pending) return insertFirstControl(db, lease, id, kind, node, reserved);
      return withTask(id, async (tx, task, commit) => {
        if (task.state !== state || !(await isReadyFor(kind, tx, task))) return false;
        await commit(COMMIT_LATER, controlInsertion(task, kind, node, reserved, meta));
        return true;
      });
    },
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
      withTask<boolean>(
        id,
        async (tx, task, commit, isUnfinished) => {
          if (task.state !== TaskState.pending && task.state !== TaskState.running) return false;
          if (isUnfinished) return false;
          const result = (await takeResult(tx, task, control, 'plan')) as StoredPlanResult | undefined;
          if (result === undefined) return false;
          if (result.step !== null) await commit(COMMIT_LATER, ...stepStart(task, result, actor));
          else await endSteps(tx, task, after, actor);
          return true;
        },
        (tx) => hasUnfinishedWork(tx, id),
      ),
    consumePlace: (id, control) => withTask(id, (tx, task) => takePlacement(tx, task, control)),
    finish: (id, control) =>
      withTask<boolean>(
        id,
        async (tx, task, commit, isUnfinished) => {
          if (task.state !== TaskState.running || isUnfinished) return false;
          const result = control === null ? undefined : await takeResult(tx, task, control, 'finish');
          if (control !== null && result === undefined) return false;
          const transition = transitionOf(task, {
            trigger: 'finish',
            to: TaskState.succeed,
            actor,
            outcome: 'succeeded',
            ...(result === undefined || result === null ? {} : { result }),
          });
          await commit(transition);
          return true;
        },
        (tx) => hasUnfinishedWork(tx, id),
      ),
    fail: (id, error, { isUntouched = false, guard } = {}) =>
      withTask(id, async (tx, task) => {
        const guards: TaskGuard[] = [
          ...(guard === undefined ? [] : [guard]),
          task.onFailure === 'hold' && !isUntouched ? 'onFailure is hold' : 'onFailure is revert',
        ];
        const to = nextTaskState(task.state as TaskState, 'fail', guards);
        if (to === null) return false;
        await transitionTask(tx, task, { trigger: 'fail', to, actor, error });
        return true;
      }),
    suspend: (id, error) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.running) return false;
        await suspendTask(tx, task, actor, error);
        return true;
      }),
    settle: (id) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.pausing || (await hasRunning(tx, task))) return false;
        await settlePause(tx, task, actor);
        return true;
      }),
    restart: (id) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.resuming) return false;
        await restartTask(tx, task, actor);
        return true;
      }),
    apply: (id, control) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.modifying) return false;
        const meta = control === null ? undefined : await takeResult(tx, task, control, 'modify');
        if (control !== null && meta === undefined) return false;
        await applyModification(tx, task, actor, meta);
        return true;
      }),
    drop: (id, error) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.modifying) return false;
        await dropModification(tx, task, actor, error);
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
        await archiveEndedControls(tx, task.id);
        await transitionTask(tx, task, { trigger: 'stop', to: TaskState.reverting, actor });
        return true;
      }),
    endPending: (id) =>
      withTask(id, (tx, task) => (task.state === TaskState.reverting ? endPending(tx, task) : Promise.resolve(false))),
    undo: (id, control, skipped) =>
      withTask(id, async (tx, task) => {
        if (task.state !== TaskState.reverting || (await hasRunning(tx, task))) return false;
        if (control !== null && (await takeResult(tx, task, control, 'revert')) === undefined) return false;
        // A revert that is left out must not be left behind.
        if (skipped !== undefined) await endPending(tx, task);
        await transitionTask(tx, task, {
          trigger: 'undo',
          to: TaskState.reverted,
          actor,
          outcome: await outcomeOfUndone(tx, task.id),
        });
        if (skipped !== undefined) await recordEvents(tx, id, [{ actor, kind: 'hook-skipped', message: skipped }]);
        return true;
      }),
    archive: (id, skipped) =>
      withTask(id, (tx, task) => archiveTask(tx, task, skipped === undefined ? null : { actor, message: skipped })),
  };
}

/** Whether work of the current step is still to be done, or has failed. */
async function hasUnfinishedWork(tx: Tx, id: string): Promise<boolean> {
  return (await findUnfinished(tx, [id])).size > 0;
}

/** Whether the task's rows allow a hook of this kind now, as the snapshot said. */
async function isReadyFor(kind: ControlKind, tx: Tx, task: LockedTask): Promise<boolean> {
  switch (kind) {
    case 'plan':
    case 'finish':
      return task.step === null || !(await hasUnfinishedWork(tx, task.id));
    case 'revert':
      return !(await hasRunning(tx, task));
    case 'prepare':
    case 'clean':
    case 'modify':
    case 'gates':
    case 'place':
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
  meta: ControlMeta = {},
): RawBuilder<unknown> {
  // One row per kind and step, and one for the gates of all steps: two passes that decide the same write it once. Both arms hang on the task's lock, which is held.
  const admitted =
    reserved === undefined
      ? sql``
      : sql`WITH admitted AS (UPDATE tasks SET reserved_nodes = ${reserved}::text[], waiting = NULL WHERE id = ${task.id})`;
  return sql`${admitted}
    INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
    VALUES (${task.id}, ${kind}, ${kind === 'gates' ? '' : (task.step ?? '')}, 0, 1, 'pending', ${node}, true,
      ${JSON.stringify(meta)}::json)
    ON CONFLICT (task_id, kind, step, plan_attempt, ordinal) DO NOTHING`;
}

/** Adds the control subtask of a pending task, and stores the nodes that it has just been given. */
async function insertFirstControl(
  db: Db,
  lease: LeaderLease,
  id: string,
  kind: ControlKind,
  node: string,
  reserved: readonly string[] | undefined,
): Promise<boolean> {
  const written = await asLeaderAtOnce(
    db,
    lease,
    sql`SELECT 1 FROM tasks WHERE id = ${id} FOR UPDATE`,
    (isLeader) => sql`
      WITH task AS (SELECT id, coalesce(step, '') AS step FROM tasks WHERE id = ${id} AND state = 'pending' AND ${isLeader}),
      admitted AS (
        UPDATE tasks t SET reserved_nodes = coalesce(${reserved ?? null}::text[], reserved_nodes),
          waiting = CASE WHEN ${reserved !== undefined} THEN NULL ELSE waiting END
        FROM task WHERE t.id = task.id AND ${reserved !== undefined})
      INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
      SELECT id, ${kind}, step, 0, 1, 'pending', ${node}, true, '{}' FROM task
      ON CONFLICT (task_id, kind, step, plan_attempt, ordinal) DO NOTHING`,
  );
  return written > 0;
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
        reserved_nodes = CASE WHEN c.nodes IS NULL THEN t.reserved_nodes ELSE ARRAY(SELECT json_array_elements_text(c.nodes)) END,
        -- "since" is kept while the reason's code stays the same
        waiting = CASE
          WHEN c.code IS NULL THEN NULL
          ELSE json_build_object('code', c.code, 'message', c.message, 'since',
            CASE WHEN t.waiting->>'code' = c.code THEN t.waiting->>'since'
            ELSE ${instant(sql`clock_timestamp()`)} END)
        END
      FROM unnest(
        ${ids}::bigint[],
        ${changes.map(({ reservedNodes }) => (reservedNodes === null ? null : JSON.stringify(reservedNodes)))}::json[],
        ${changes.map((change) => change.waiting?.code ?? null)}::text[],
        ${changes.map((change) => change.waiting?.message ?? null)}::text[]
      ) AS c(id, nodes, code, message)
      WHERE t.id = c.id AND (c.nodes IS NULL OR t.state IN ('pending', 'running', 'modifying'))`.execute(tx);
  });
}
