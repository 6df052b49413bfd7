import { asLeader, type LeaderCommit, type LeaderLease } from './leader-lease.ts';
import type { LockPatience } from '../session/lock-patience.ts';
import { allTogether, type Db, type Tx } from '../session/transactions.ts';
import { lockTask, type LockedTask } from '../tasks/transition-task.ts';

/** Who makes the leading owner's writes. */
export interface LeadingOwner {
  readonly db: Db;
  readonly lease: LeaderLease;
  /** The owner's name, for events. */
  readonly actor: string;
  /** How long its writes wait for rows that others have locked. Default: the session's `lock_timeout`, 10 s. */
  readonly patience?: LockPatience | undefined;
}

/**
 * A leader's write about one task: under the task's lock, behind the leader's fence. Answers false for a task that has left for history.
 *
 * @param work checks that the snapshot still holds, and writes. Answers false when it does not hold: nothing is written then.
 * @param read what `work` needs besides the task: sent right behind the lock, so that it takes no trip of its own.
 * @throws {LongshoreError} LEADER_LOST when the lease is not this one's any more; nothing was written then.
 */
export function withTask<R = undefined>(
  { db, lease, patience }: LeadingOwner,
  id: string,
  work: (tx: Tx, task: LockedTask, commit: LeaderCommit, read: R) => Promise<boolean>,
  read?: (tx: Tx) => Promise<R>,
): Promise<boolean> {
  return asLeader<boolean, readonly [LockedTask | null, R | undefined]>(
    db,
    lease,
    async (tx, [task, found], commit) => (task === null ? false : work(tx, task, commit, found as R)),
    { lock: (tx) => allTogether([lockTask(tx, id), read?.(tx)]), lockTimeoutMs: patience?.ms },
  );
}
