import { LongshoreError, type Modification, type TaskChanges } from '@longshore/core';
import { inControl } from './in-control.ts';
import type { Actor } from './actor.ts';
import { controlTask, type ControlResult } from './pause-task.ts';
import type { Db } from '../session/transactions.ts';

/**
 * Asks for a modification; the leading owner applies it. One at a time.
 *
 * @throws {LongshoreError} STATE_CONFLICT naming the state, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function modifyTask(
  db: Db,
  id: string,
  changes: TaskChanges,
  actor: Actor,
  reason: string | null,
): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (task.state === 'modifying') {
      throw new LongshoreError('STATE_CONFLICT', `task ${id} is already being modified; ask again later`, {
        details: { state: task.state },
      });
    }
    if (!task.isValidated) {
      const message = `no owner has checked task ${id} yet, because it was submitted within a transaction; ask again later`;
      throw new LongshoreError('STATE_CONFLICT', message, { details: { state: task.state } });
    }
    const modification: Modification = { changes, from: task.state as Modification['from'] };
    return controlTask(tx, task, 'modify', [], { actor, modification, message: reason });
  });
}
