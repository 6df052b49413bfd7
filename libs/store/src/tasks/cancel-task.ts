import { isTerminalTaskState, LongshoreError, nextTaskState, type ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { inControl } from './in-control.ts';
import type { Actor } from './actor.ts';
import type { ControlResult } from './pause-task.ts';
import { recordEvents } from './record-event.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { transitionTask, type LockedTask } from './transition-task.ts';
import { isControl, isUnknown } from '../schema/kind-predicates.ts';

/**
 * Cancels a task: one update of its row, for any number of subtasks. From that commit on none of its subtasks can be
 * claimed. If no hook of the plugin ever ran, the task ends at once.
 *
 * @param isForced hooks that can't run or that hang are left out while it is undone; also for one that is being undone already.
 * @throws {LongshoreError} STATE_CONFLICT when it has ended, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export async function cancelTask(
  db: Db,
  id: string,
  actor: Actor,
  reason: string | null,
  isForced = false,
): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (task.state === 'cancelling' || task.state === 'reverting') {
      const isForcedNow = isForced && !task.isForced;
      if (isForcedNow) await force(tx, task, actor, reason);
      // Who cancels it doesn't want it to start anew either.
      if (task.restart !== null) await giveUpRestart(tx, task, actor, reason);
      return { changed: isForcedNow || task.restart !== null, state: task.state };
    }
    if (isTerminalTaskState(task.state)) {
      const rest = (await hasCleanUp(tx, task))
        ? `. Its clean-up is still to end; longshore task end-clean-up ${id} leaves out one that hangs`
        : '';
      const message = `task ${id} has ended (${task.state}); there is nothing to cancel${rest}`;
      throw new LongshoreError('STATE_CONFLICT', message, { details: { state: task.state } });
    }
    if (isForced) await markForced(tx, task);
    return cancelLocked(tx, task, actor, reason);
  });
}

/**
 * Cancels a task that nobody undoes yet, and whose row is locked.
 *
 * @throws {LongshoreError} STATE_CONFLICT in a state that this build doesn't know.
 */
export async function cancelLocked(
  tx: Tx,
  task: LockedTask,
  actor: Actor,
  reason: string | null,
): Promise<ControlResult> {
  const guard = (await hasHookRun(tx, task)) ? 'a hook ran' : 'no hook ran';
  const to = nextTaskState(task.state as 'pending', 'cancel', [guard]);
  if (to === null) {
    const message = `task ${task.id} is ${task.state}; this version can't cancel a task in that state`;
    throw new LongshoreError('STATE_CONFLICT', message, { details: { state: task.state } });
  }
  const error: ErrorData = {
    code: 'TASK_CANCELED',
    message: reason === null ? 'canceled by a user' : `canceled by a user: ${reason}`,
    permanent: true,
  };
  const isOver = to === 'reverted';
  if (isOver) await dropUnbegun(tx, task);
  const event = await transitionTask(tx, task, {
    trigger: 'cancel',
    to,
    actor,
    error,
    ...(isOver ? { outcome: 'canceled' as const } : {}),
  });
  return { changed: true, state: to, event };
}

async function giveUpRestart(tx: Tx, { id, state }: LockedTask, actor: Actor, reason: string | null): Promise<void> {
  await sql`UPDATE tasks SET restart = NULL WHERE id = ${id}`.execute(tx);
  const why = reason === null ? 'canceled by a user' : `canceled by a user: ${reason}`;
  await recordEvents(tx, id, [
    { actor, kind: 'restart-dropped', from: state, to: state, message: `its next run doesn't start: ${why}` },
  ]);
}

/** A task that is over at once leaves no hook behind that was to begin. */
async function dropUnbegun(tx: Tx, task: LockedTask): Promise<void> {
  await sql`DELETE FROM subtasks WHERE task_id = ${task.id} AND state = 'pending' AND ${isControl()}`.execute(tx);
}

/**
 * Lets a task that has ended leave without its clean-up hook, if that hangs, fails or can't run.
 *
 * @throws {LongshoreError} STATE_CONFLICT when it has not ended, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function endCleanUp(db: Db, id: string, actor: Actor, reason: string | null): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (!isTerminalTaskState(task.state)) {
      const message = `task ${id} is ${task.state}; it has no clean-up before it has ended`;
      throw new LongshoreError('STATE_CONFLICT', message, { details: { state: task.state } });
    }
    if (task.isForced) return { changed: false, state: task.state };
    await force(tx, task, actor, reason);
    return { changed: true, state: task.state };
  });
}

async function hasCleanUp(tx: Tx, task: LockedTask): Promise<boolean> {
  const open = await sql`
    SELECT 1 FROM subtasks
    WHERE task_id = ${task.id} AND ${isControl()} AND kind = 'clean' AND state IN ('pending', 'running')`.execute(tx);
  return open.rows.length > 0;
}

async function force(tx: Tx, task: LockedTask, actor: Actor, reason: string | null): Promise<void> {
  await markForced(tx, task);
  await recordEvents(tx, task.id, [{ actor, kind: 'force', from: task.state, to: task.state, message: reason }]);
}

async function markForced(tx: Tx, task: LockedTask): Promise<void> {
  await sql`UPDATE tasks SET is_forced = true WHERE id = ${task.id}`.execute(tx);
}

/**
 * Whether any hook of the plugin has been started for the task; of one with a subtask of a kind that this build doesn't know nobody can
 * say that none has. Called under the task's row lock, which claims wait for.
 */
async function hasHookRun(tx: Tx, task: Pick<LockedTask, 'id' | 'step' | 'isPrepared'>): Promise<boolean> {
  if (task.step !== null || task.isPrepared) return true;
  const started = await sql`
    SELECT 1 FROM subtasks WHERE task_id = ${task.id} AND ${isControl()} AND (attempt > 0 OR ${isUnknown()}) LIMIT 1`.execute(
    tx,
  );
  return started.rows.length > 0;
}
