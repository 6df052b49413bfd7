import { TaskState } from '@longshore/core';
import { archiveEndedControls } from '../controls/ended-controls.ts';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { archiveSucceededControl } from '../settlements/move-to-history.ts';
import { endPending, hasRunning } from './end-task.ts';
import { recordEvents } from './record-event.ts';
import { startNextRun } from './restart-task.ts';
import { outcomeOfUndone } from './resolve-task.ts';
import { transitionTask } from './transition-task.ts';

/** How the leading owner undoes a task. */
export interface UndoWrites {
  /** Goes from cancelling to reverting. */
  stop(taskId: string): Promise<boolean>;
  /**
   * Ends one page of pending rows of a task that is being undone. True: there may be more.
   *
   * @param keepsWork ends hooks alone. Default false.
   */
  endPending(taskId: string, keepsWork?: boolean): Promise<boolean>;
  /** @param skipped why its revert hook was left out; undefined: it wasn't. */
  undo(taskId: string, control: string | null, skipped?: string): Promise<boolean>;
}

const NOT_UNDONE = "its next run doesn't start, because it was not undone";

export function undoWrites(leader: LeadingOwner): UndoWrites {
  const { actor } = leader;
  return {
    stop: (id) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.cancelling) return false;
        await archiveEndedControls(tx, task.id);
        await transitionTask(tx, task, { trigger: 'stop', to: TaskState.reverting, actor });
        return true;
      }),
    endPending: (id, keepsWork) =>
      withTask(leader, id, (tx, task) =>
        task.state === TaskState.reverting
          ? endPending(tx, task, keepsWork === true ? 'hooks' : 'all')
          : Promise.resolve(false),
      ),
    undo: (id, control, skipped) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.reverting || (await hasRunning(tx, task))) return false;
        if (control !== null) {
          const result = await archiveSucceededControl(tx, { id: control, taskId: task.id, kind: 'revert' });
          if (result === undefined) return false;
        }
        // A revert that is left out must not be left behind.
        if (skipped !== undefined) await endPending(tx, task);
        await transitionTask(tx, task, {
          trigger: 'undo',
          to: TaskState.reverted,
          actor,
          outcome: await outcomeOfUndone(tx, task.id),
        });
        if (skipped !== undefined) await recordEvents(tx, id, [{ actor, kind: 'hook-skipped', message: skipped }]);
        if (task.restart === null) return true;
        if (skipped === undefined) await startNextRun(tx, id, task.restart, actor);
        else await recordEvents(tx, id, [{ actor, kind: 'restart-dropped', message: NOT_UNDONE }]);
        return true;
      }),
  };
}
