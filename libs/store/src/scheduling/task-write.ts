import { asLeader, type LeaderCommit, type LeaderLease } from './leader-lease.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { lockTask, type LockedTask } from '../tasks/transition-task.ts';

/** Who makes the leading owner's writes. */
export interface LeadingOwner {
  readonly db: Db;
  readonly lease: LeaderLease;
  /** The owner's name, for events. */
  readonly actor: string;
}

/**
 * A leader's write about one task: behind the leader's fence, under the task's lock. Answers false for a task that has left for history.
 *
 * @param work checks that the snapshot still holds, and writes. Answers false when it does not hold: nothing is written then.
 * @param read what `work` needs besides the task: sent right behind the lock, so that it takes no trip of its own.
 * @throws {LongshoreError} LEADER_LOST when the lease is not this one's any more; nothing was written then.
 */
export function withTask<R = undefined>(
  { db, lease }: LeadingOwner,
  id: string,
  work: (tx: Tx, task: LockedTask, commit: LeaderCommit, read: R) => Promise<boolean>,
  read?: (tx: Tx) => Promise<R>,
): Promise<boolean> {
  return asLeader<boolean, readonly [LockedTask | null, R | undefined]>(
    db,
    lease,
    async (tx, [task, found], commit) => (task === null ? false : work(tx, task, commit, found as R)),
    (tx) => Promise.all([lockTask(tx, id), read?.(tx)]),
  );
}
