import { controlWrites, type ControlWrites } from '../controls/control-writes.ts';
import { stepWrites, type StepWrites } from '../plans/step-writes.ts';
import type { LockPatience } from '../session/lock-patience.ts';
import type { Db } from '../session/transactions.ts';
import { endWrites, type EndWrites } from '../tasks/end-writes.ts';
import { modificationWrites, type ModificationWrites } from '../tasks/modification-writes.ts';
import { pauseWrites, type PauseWrites } from '../tasks/pause-writes.ts';
import { preparationWrites, type PreparationWrites } from '../tasks/preparation-writes.ts';
import { undoWrites, type UndoWrites } from '../tasks/undo-writes.ts';
import { admissionWrites, type AdmissionWrites } from './admission-writes.ts';
import type { LeaderLease } from './leader-lease.ts';
import { queueWrites, type QueueWrites } from './queue-waits.ts';

/**
 * The leading owner's writes. Each runs behind the leader's fence, locks the task's row, and checks that the snapshot of its
 * decision is still true. If not, it writes nothing and returns false, and the next pass decides anew.
 */
export interface OwnerWrites
  extends
    PreparationWrites,
    AdmissionWrites,
    QueueWrites,
    ControlWrites,
    StepWrites,
    PauseWrites,
    ModificationWrites,
    UndoWrites,
    EndWrites {}

/**
 * @param actor the owner's name, for events.
 * @param patience how long each waits for rows that others have locked. Default: the session's `lock_timeout`, 10 s.
 */
export function ownerWrites(db: Db, lease: LeaderLease, actor: string, patience?: LockPatience): OwnerWrites {
  const leader = { db, lease, actor, patience };
  return {
    ...preparationWrites(leader),
    ...admissionWrites(leader),
    ...queueWrites(leader),
    ...controlWrites(leader),
    ...stepWrites(leader),
    ...pauseWrites(leader),
    ...modificationWrites(leader),
    ...undoWrites(leader),
    ...endWrites(leader),
  };
}
