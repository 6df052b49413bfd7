import { LongshoreError, nextTaskState, type TaskGuard, type TaskTrigger } from '@longshore/core';
import { inControl } from './in-control.ts';
import type { Actor } from './actor.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { transitionTask, type LockedTask, type Transition } from './transition-task.ts';

/** What became of a user's wish. */
export interface ControlResult {
  /** False: it was so already. */
  readonly changed: boolean;
  readonly state: string;
  /** Number of the event that it left; absent: it changed nothing. */
  readonly event?: number;
}

/**
 * Pauses a task: one update of its row, for any number of subtasks. From that commit on none of its subtasks can be claimed. It is
 * `paused` when none of its work runs any more.
 *
 * @throws {LongshoreError} STATE_CONFLICT naming the state, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function pauseTask(db: Db, id: string, actor: Actor, reason: string | null): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (task.state === 'pausing' || task.state === 'paused') return { changed: false, state: task.state };
    return controlTask(tx, task, 'pause', [], { actor, message: reason });
  });
}

/**
 * Makes the transition that a user asked for.
 *
 * @throws {LongshoreError} STATE_CONFLICT where the machine has none for the task's state.
 */
export async function controlTask(
  tx: Tx,
  task: LockedTask,
  trigger: TaskTrigger,
  guards: readonly TaskGuard[],
  change: Omit<Transition, 'trigger' | 'to'>,
): Promise<ControlResult> {
  const to = nextTaskState(task.state as 'pending', trigger, guards);
  if (to === null) throw refused(task, trigger, guards);
  const event = await transitionTask(tx, task, { ...change, trigger, to });
  return { changed: true, state: to, event };
}

function refused(task: LockedTask, trigger: TaskTrigger, guards: readonly TaskGuard[]): LongshoreError {
  const why = guards.length > 0 && task.state === 'awaiting-resolution' ? ` (${guards.join(', ')})` : '';
  return new LongshoreError(
    'STATE_CONFLICT',
    `task ${task.id} is ${task.state}${why}; this state does not allow ${trigger}`,
    {
      details: { state: task.state },
    },
  );
}
