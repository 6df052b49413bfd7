import { mayBeginAnew, nextTaskState, TaskState, type ErrorData, type TaskGuard } from '@longshore/core';
import { findUnfinished } from '../plans/step-start.ts';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { archiveSucceededControl } from '../settlements/move-to-history.ts';
import { archiveTask } from './end-task.ts';
import { recordEvents } from './record-event.ts';
import { readRetryWish, wishForNextRun } from './restart-task.ts';
import { transitionOf, transitionTask } from './transition-task.ts';

/** How the leading owner ends a task. */
export interface EndWrites {
  /** Ends a task that has done its last step. */
  finish(taskId: string, control: string | null): Promise<boolean>;
  /**
   * A task that somebody had retried, and of whose run the type says that it can't succeed and that nothing of it has an effect, isn't held again: it
   * is undone, and the next run of its key starts, which is what the retry was asked for.
   *
   * @param why `isUntouched`: nothing was changed yet, so it is undone even with `onFailure: hold`, because there is nothing to decide;
   * `guard`: what failed, where that decides.
   */
  fail(
    taskId: string,
    error: ErrorData,
    why?: { readonly isUntouched?: boolean | undefined; readonly guard?: TaskGuard | undefined },
  ): Promise<boolean>;
  /** The framework itself can't run it. */
  refuse(taskId: string, error: ErrorData): Promise<boolean>;
  /** Moves a terminal task into history. @param skipped why its clean-up hook was left out; undefined: it wasn't. */
  archive(taskId: string, skipped?: string): Promise<boolean>;
}

const UNDO_FAILED = "its next run doesn't start, because its revert failed";

export function endWrites(leader: LeadingOwner): EndWrites {
  const { actor } = leader;
  return {
    finish: (id, control) =>
      withTask<ReadonlySet<string>>(
        leader,
        id,
        async (tx, task, commit, unfinished) => {
          if (task.state !== TaskState.running || unfinished.size > 0) return false;
          const result =
            control === null
              ? undefined
              : await archiveSucceededControl(tx, { id: control, taskId: task.id, kind: 'finish' });
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
        (tx) => findUnfinished(tx, [id]),
      ),
    fail: (id, error, { isUntouched = false, guard } = {}) =>
      withTask(leader, id, async (tx, task) => {
        const wish = task.onFailure === 'hold' && mayBeginAnew(error) ? await readRetryWish(tx, id) : null;
        const guards: TaskGuard[] = [
          ...(guard === undefined ? [] : [guard]),
          task.onFailure === 'hold' && !isUntouched && wish === null ? 'onFailure is hold' : 'onFailure is revert',
        ];
        const to = nextTaskState(task.state as TaskState, 'fail', guards);
        if (to === null) return false;
        await transitionTask(tx, task, { trigger: 'fail', to, actor, error });
        if (task.restart !== null)
          await recordEvents(tx, id, [{ actor, kind: 'restart-dropped', message: UNDO_FAILED }]);
        else if (wish !== null && to === TaskState.reverting) await wishForNextRun(tx, id, wish, { actor, state: to });
        return true;
      }),
    refuse: (id, error) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.pending) return false;
        await transitionTask(tx, task, { trigger: 'refuse', to: TaskState.failed, actor, error, outcome: 'failed' });
        return true;
      }),
    archive: (id, skipped) =>
      withTask(leader, id, (tx, task) =>
        archiveTask(tx, task, skipped === undefined ? null : { actor, message: skipped }),
      ),
  };
}
