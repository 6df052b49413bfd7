import { nextTaskState, TaskState, type ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import type { Tx } from '../session/transactions.ts';
import { transitionTask, type LockedTask } from '../tasks/transition-task.ts';
import { isPlanned } from '../schema/kind-predicates.ts';

/** Pauses a task for errors of the kind that its type names. */
export async function suspendTask(tx: Tx, task: LockedTask, actor: string, error: ErrorData): Promise<void> {
  await pauseSuspending(tx, task);
  await transitionTask(tx, task, {
    trigger: 'suspend',
    to: TaskState.pausing,
    actor,
    error,
    message: `${error.code}: ${error.message}`,
  });
}

/** Failed work whose errors pause the task waits with the rest: it is tried again when the task is resumed. */
async function pauseSuspending(tx: Tx, task: LockedTask): Promise<void> {
  await sql`
    UPDATE subtasks SET state = 'paused', reason = 'suspended', node_epoch = NULL, ended_at = NULL
    WHERE task_id = ${task.id} AND ${isPlanned()} AND state = 'failed'
      AND error->>'code' = ANY((SELECT pause_on FROM tasks WHERE id = ${task.id})::text[])`.execute(tx);
}

/** A pausing task is paused when none of its work runs any more. */
export async function settlePause(tx: Tx, task: LockedTask, actor: string): Promise<void> {
  // Some may have failed since it was suspended.
  await pauseSuspending(tx, task);
  await transitionTask(tx, task, { trigger: 'settle', to: TaskState.paused, actor });
}

/**
 * A resuming task's paused subtasks may be claimed again, with their checkpoints; what it was paused for is forgotten. Those that wait for
 * their target look again at once, and have its whole limit anew.
 */
export async function continueTask(tx: Tx, task: LockedTask, actor: string): Promise<void> {
  await sql`
    UPDATE subtasks SET state = 'pending', not_before = NULL, away_since = NULL, waiting = NULL,
      failures = CASE WHEN reason = 'suspended' THEN 0 ELSE failures END,
      error = CASE WHEN reason = 'suspended' THEN NULL ELSE error END
    WHERE task_id = ${task.id} AND state = 'paused'`.execute(tx);
  await sql`
    UPDATE subtasks SET not_before = NULL, away_since = NULL, waiting = NULL
    WHERE task_id = ${task.id} AND state = 'pending' AND away_since IS NOT NULL`.execute(tx);
  const guard = task.priorState === TaskState.pending ? 'it was pending' : 'it was running';
  const to = nextTaskState(TaskState.resuming, 'continue', [guard]) ?? TaskState.running;
  await transitionTask(tx, task, { trigger: 'continue', to, actor, clearsError: true });
}
