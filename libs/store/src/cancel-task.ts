import { isTerminalTaskState, LongshoreError, nextTaskState, type ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { inTransaction, type Db, type Tx } from './transactions.ts';
import { lockTask, transitionTask, type LockedTask } from './transition-task.ts';

export interface CancelResult {
  /** False: it was being cancelled or undone already. */
  readonly changed: boolean;
  readonly state: string;
}

/**
 * Cancels a task: one update of its row, whatever the number of its subtasks. From that commit on nothing of it can be
 * claimed. A task of which no hook of the plugin ever ran is over at once.
 *
 * @throws {LongshoreError} STATE_CONFLICT when it has ended, TASK_NOT_FOUND when it isn't active.
 */
export async function cancelTask(db: Db, id: string, actor: string, reason: string | null): Promise<CancelResult> {
  return inTransaction(db, async (tx) => {
    const task = await lockTask(tx, id);
    if (task === null) throw new LongshoreError('TASK_NOT_FOUND', `task ${id} is not active`);
    if (task.state === 'cancelling' || task.state === 'reverting') return { changed: false, state: task.state };
    if (isTerminalTaskState(task.state)) {
      throw new LongshoreError('STATE_CONFLICT', `task ${id} has ended (${task.state}); there is nothing to cancel`, {
        details: { state: task.state },
      });
    }
    const guard = (await hasHookRun(tx, task)) ? 'a hook ran' : 'no hook ran';
    const to = nextTaskState(task.state as 'pending', 'cancel', [guard]);
    if (to === null) {
      throw new LongshoreError('STATE_CONFLICT', `task ${id} is ${task.state}, which this version can't cancel`, {
        details: { state: task.state },
      });
    }
    const error: ErrorData = {
      code: 'TASK_CANCELED',
      message: reason === null ? 'canceled by a user' : `canceled by a user: ${reason}`,
      permanent: true,
    };
    const isOver = to === 'reverted';
    await transitionTask(tx, task, {
      trigger: 'cancel',
      to,
      actor,
      error,
      ...(isOver ? { outcome: 'canceled' as const } : {}),
    });
    return { changed: true, state: to };
  });
}

/** Whether any hook of the plugin has been started for the task. Called under the task's row lock, which claims wait for. */
export async function hasHookRun(tx: Tx, task: Pick<LockedTask, 'id' | 'step' | 'isPrepared'>): Promise<boolean> {
  if (task.step !== null || task.isPrepared) return true;
  const started = await sql`
    SELECT 1 FROM subtasks WHERE task_id = ${task.id} AND kind <> 'work' AND attempt > 0 LIMIT 1`.execute(tx);
  return started.rows.length > 0;
}
