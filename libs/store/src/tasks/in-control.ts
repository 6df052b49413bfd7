import { LongshoreError } from '@longshore/core';
import { isRowLocked } from '../session/lock-patience.ts';
import { inTransaction, type Db, type Tx } from '../session/transactions.ts';
import { lockTask, type LockedTask } from './transition-task.ts';

/** How long a control waits for rows that another session has locked, in milliseconds: our own transactions hold them for a few. */
const LOCK_TIMEOUT_MS = 2_000;

/**
 * Carries out what somebody asked for of an active task, under its row's lock. Whoever asked is not kept waiting for a lock of somebody else's.
 *
 * @throws {LongshoreError} ROW_LOCKED when another session keeps a row locked: nothing was changed; TASK_NOT_FOUND when the task isn't active;
 * what `work` throws.
 */
export async function inControl<T>(db: Db, id: string, work: (tx: Tx, task: LockedTask) => Promise<T>): Promise<T> {
  const control = async (tx: Tx): Promise<T> => {
    const task = await lockTask(tx, id);
    if (task === null) throw new LongshoreError('TASK_NOT_FOUND', `task ${id} is not active`);
    return work(tx, task);
  };
  try {
    return await inTransaction(db, control, LOCK_TIMEOUT_MS);
  } catch (error) {
    if (!isRowLocked(error)) throw error;
    const message = `nothing was changed: another session has locked a row of task ${id} in the store; ask again`;
    throw new LongshoreError('ROW_LOCKED', message, { cause: error });
  }
}
