import { LongshoreError } from '@longshore/core';
import { LOOK_LOCK_MS, unlessLocked } from '../session/look-again.ts';
import { inTransaction, type Db, type Tx } from '../session/transactions.ts';
import { lockTask, type LockedTask } from './transition-task.ts';

/**
 * Carries out what somebody asked for of an active task, under its row's lock. Whoever asked is not kept waiting for a lock of somebody else's.
 *
 * @throws {LongshoreError} ROW_LOCKED when another session keeps a row locked: nothing was changed; TASK_NOT_FOUND when the task isn't active;
 * what `work` throws.
 */
export function inControl<T>(db: Db, id: string, work: (tx: Tx, task: LockedTask) => Promise<T>): Promise<T> {
  const control = async (tx: Tx): Promise<T> => {
    const task = await lockTask(tx, id);
    if (task === null) throw new LongshoreError('TASK_NOT_FOUND', `task ${id} is not active`);
    return work(tx, task);
  };
  return unlessLocked(`a row of task ${id}`, () => inTransaction(db, control, LOOK_LOCK_MS));
}
