import { LongshoreError } from '@longshore/core';
import { sql } from 'kysely';
import { archiveEndedControls } from '../controls/ended-controls.ts';
import { isPlanned } from '../schema/kind-predicates.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { bringBack } from '../settlements/move-to-history.ts';
import { inControl } from './in-control.ts';
import type { Actor } from './actor.ts';
import { controlTask, type ControlResult } from './pause-task.ts';
import { readHoldGuard } from './resolve-task.ts';
import type { LockedTask } from './transition-task.ts';

/** Rows that are dropped by one statement, so that none runs into its time-out. */
const DROP_PAGE_ROWS = 10_000;

/**
 * Resumes a paused task where it was, or lets one go on whose revert failed before it could undo anything.
 *
 * @throws {LongshoreError} STATE_CONFLICT naming the state, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function resumeTask(db: Db, id: string, actor: Actor, reason: string | null): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (task.state === 'resuming') return { changed: false, state: task.state };
    if (task.state === 'awaiting-resolution') return resumeUndone(tx, task, actor, reason);
    return controlTask(tx, task, 'resume', [], { actor, message: reason });
  });
}

/**
 * Lets a task go on whose revert failed before it could undo anything: its work continues where it was, and what failed is tried again with
 * no failures counted.
 *
 * @throws {LongshoreError} STATE_CONFLICT when something else failed, when its revert has begun, or when work was stopped that may not start
 * again.
 */
async function resumeUndone(tx: Tx, task: LockedTask, actor: Actor, reason: string | null): Promise<ControlResult> {
  const { id, step, planAttempt } = task;
  const guard = await readHoldGuard(tx, task);
  const result = await controlTask(tx, task, 'resume', [guard], { actor, message: reason });
  const began = await sql`SELECT 1 FROM tasks WHERE id = ${id} AND undo_began`.execute(tx);
  if (began.rows.length > 0) throw cannotGoOn(id, 'its revert has begun to undo it');
  const current = sql`${isPlanned()} AND step = ${step ?? ''} AND plan_attempt = ${planAttempt}`;
  const stopped = await sql<{ id: string }>`
    SELECT id FROM subtask_history
    WHERE task_id = ${id} AND state = 'canceled' AND ${current} AND NOT is_idempotent LIMIT 1`.execute(tx);
  const [once] = stopped.rows;
  if (once !== undefined) throw cannotGoOn(id, `subtask ${once.id} was stopped, and may not simply start again`);
  await archiveEndedControls(tx, id);
  await dropUnplanned(tx, task);
  await bringBack(tx, id, current);
  await sql`
    UPDATE subtasks SET state = 'pending', failures = 0, error = NULL, not_before = NULL, away_since = NULL, waiting = NULL,
      ended_at = NULL, reason = 'resume', node_epoch = NULL
    WHERE task_id = ${id} AND state IN ('failed', 'paused') AND ${isPlanned()}`.execute(tx);
  return result;
}

/** A plan that was under way is made anew, and what it had written already would never run. */
async function dropUnplanned(tx: Tx, { id, step, planAttempt }: LockedTask): Promise<void> {
  for (;;) {
    const dropped = await sql`
      DELETE FROM subtasks WHERE id = ANY(ARRAY(
        SELECT id FROM subtasks WHERE task_id = ${id} AND ${isPlanned()} AND state = 'pending'
          AND NOT (step = ${step ?? ''} AND plan_attempt = ${planAttempt}) ORDER BY id LIMIT ${DROP_PAGE_ROWS}))`.execute(
      tx,
    );
    if ((dropped.numAffectedRows ?? 0n) < BigInt(DROP_PAGE_ROWS)) return;
  }
}

function cannotGoOn(id: string, why: string): LongshoreError {
  return new LongshoreError('STATE_CONFLICT', `task ${id} can't go on: ${why}; retry the revert, or skip it`, {
    details: { state: 'awaiting-resolution' },
  });
}
