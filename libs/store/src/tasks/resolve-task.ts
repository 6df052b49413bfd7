import { resolutionGuard, type TaskGuard } from '@longshore/core';
import { sql } from 'kysely';
import { inControl } from './in-control.ts';
import type { Actor } from './actor.ts';
import { archiveEndedControls } from '../controls/ended-controls.ts';
import { FORGIVEN_CRASHES } from './forgiven-crashes.ts';
import { controlTask, type ControlResult } from './pause-task.ts';
import { recordEvents } from './record-event.ts';
import type { Db, Tx } from '../session/transactions.ts';
import type { LockedTask } from './transition-task.ts';
import { isControl, isKnown, isSkippable } from '../schema/kind-predicates.ts';

/**
 * Tries the failed work of a task that awaits resolution again: it is pending anew, with no failures counted. Of a task that is being undone
 * that is the revert alone.
 *
 * @throws {LongshoreError} STATE_CONFLICT naming the state, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function retryTask(db: Db, id: string, actor: Actor, reason: string | null): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    const guard = await readHoldGuard(tx, task);
    const result = await controlTask(tx, task, 'retry', [guard], {
      actor,
      message: reason,
      // A task that is being undone keeps what it failed with.
      clearsError: guard !== 'a revert failed',
    });
    await sql`
      UPDATE subtasks SET state = 'pending', failures = 0, crashes = ${FORGIVEN_CRASHES}, error = NULL, not_before = NULL, ended_at = NULL, reason = 'retry',
        node_epoch = NULL
      WHERE task_id = ${id} AND state = 'failed' AND ${guard === 'a revert failed' ? sql`kind = 'revert'` : isKnown()}`.execute(
      tx,
    );
    return result;
  });
}

/** What became of the wish to skip. */
export interface SkipResult extends ControlResult {
  /** How many subtasks are skipped. */
  readonly skipped: number;
}

/**
 * Lets a task that awaits resolution continue without its failed work, which counts as done; a failed finish hook or revert is left out.
 *
 * @throws {LongshoreError} STATE_CONFLICT naming the state, or when it is a plan that failed; TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function skipFailed(db: Db, id: string, actor: Actor, reason: string | null): Promise<SkipResult> {
  return inControl(db, id, async (tx, task) => {
    const guard = await readHoldGuard(tx, task);
    const outcome =
      guard === 'a revert failed'
        ? await outcomeOfUndone(tx, id)
        : guard === 'a finish hook failed'
          ? 'succeeded'
          : null;
    const result = await controlTask(tx, task, 'skip', [guard], {
      actor,
      message: reason,
      clearsError: guard !== 'a revert failed',
      ...(outcome === null ? {} : { outcome }),
    });
    if (guard === 'a step failed') return { ...result, skipped: await skipFailedWork(tx, id, actor) };
    await archiveEndedControls(tx, id);
    return { ...result, skipped: 0 };
  });
}

/**
 * Undoes a task that awaits resolution.
 *
 * @throws {LongshoreError} STATE_CONFLICT naming the state, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function revertTask(db: Db, id: string, actor: Actor, reason: string | null): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (task.state === 'reverting') return { changed: false, state: task.state };
    return revertLocked(tx, task, actor, reason);
  });
}

/** Undoes a task that awaits resolution and whose row is locked. */
export async function revertLocked(
  tx: Tx,
  task: LockedTask,
  actor: Actor,
  reason: string | null,
): Promise<ControlResult> {
  const result = await controlTask(tx, task, 'revert', [], { actor, message: reason });
  // A revert that failed before must not stand for this one.
  await archiveEndedControls(tx, task.id);
  return result;
}

/** How a task ends that was undone: as canceled when a user wanted it and did not let it go on again, otherwise as failed. */
export async function outcomeOfUndone(tx: Tx, id: string): Promise<'canceled' | 'failed'> {
  const canceled = await sql`
    SELECT 1 FROM task_events WHERE task_id = ${id} AND kind = 'cancel'
      AND seq > (SELECT coalesce(max(seq), 0) FROM task_events WHERE task_id = ${id} AND kind = 'resume') LIMIT 1`.execute(
    tx,
  );
  return canceled.rows.length > 0 ? 'canceled' : 'failed';
}

/** Why a task awaits resolution. */
export async function readHoldGuard(tx: Tx, task: LockedTask): Promise<TaskGuard> {
  const failed = await sql<{ kind: string }>`
    SELECT kind FROM subtasks WHERE task_id = ${task.id} AND ${isControl()} AND state = 'failed'`.execute(tx);
  return resolutionGuard(
    failed.rows.map((row) => row.kind),
    task.step,
  );
}

/** @returns how many subtasks are skipped. */
async function skipFailedWork(tx: Tx, id: string, actor: Actor): Promise<number> {
  const skipped = await sql<{ id: string }>`
    UPDATE subtasks SET state = 'skipped' WHERE task_id = ${id} AND state = 'failed' AND ${isSkippable()} RETURNING id`.execute(
    tx,
  );
  await recordEvents(
    tx,
    id,
    skipped.rows.map((row) => ({ actor, kind: 'subtask-skipped', from: 'failed', to: 'skipped', subtaskId: row.id })),
  );
  // Gates or a plan of the next step may have failed beside it.
  await sql`
    UPDATE subtasks SET state = 'pending', failures = 0, crashes = ${FORGIVEN_CRASHES}, error = NULL, not_before = NULL, ended_at = NULL
    WHERE task_id = ${id} AND state = 'failed' AND ${isKnown()}`.execute(tx);
  return skipped.rows.length;
}
