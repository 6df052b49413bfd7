import { TaskState, type ErrorData } from '@longshore/core';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { continueTask, settlePause, suspendTask } from '../settlements/settle-pause.ts';
import { hasRunning } from './end-task.ts';

/** The leading owner's part of a pause and of its end. */
export interface PauseWrites {
  /** Its errors are of the kind that pauses it. */
  suspend(taskId: string, error: ErrorData): Promise<boolean>;
  /** A pausing task is paused when none of its work runs any more. */
  settle(taskId: string): Promise<boolean>;
  /** A resuming task continues. */
  continue(taskId: string): Promise<boolean>;
}

export function pauseWrites(leader: LeadingOwner): PauseWrites {
  const { actor } = leader;
  return {
    suspend: (id, error) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.running) return false;
        await suspendTask(tx, task, actor, error);
        return true;
      }),
    settle: (id) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.pausing || (await hasRunning(tx, task))) return false;
        await settlePause(tx, task, actor);
        return true;
      }),
    continue: (id) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.resuming) return false;
        await continueTask(tx, task, actor);
        return true;
      }),
  };
}
