import { LongshoreError } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import { sql, type RawBuilder } from 'kysely';
import { endingStopped } from '../session/end-stopped.ts';
import { fromStore } from '../session/open-store.ts';
import { allTogether, COMMIT_LATER, inTransaction, type Db, type Tx } from '../session/transactions.ts';

/** Leadership of one kind of service: what every leader write names. */
export interface LeaderLease {
  readonly name: LeaseName;
  readonly holder: string;
  /** Rises with each election; decimal string of 64 bits. */
  readonly epoch: string;
}

export type LeaseName = 'owner' | 'node-manager' | 'balancer';

/**
 * Tries to become the leader: takes the lease if it has expired, and raises its epoch. Waits for open writes of the leader
 * before, which hold the row: `FOR UPDATE` conflicts with their `FOR KEY SHARE`, so none of them can commit after this.
 * One plain UPDATE would not wait for them. What keeps it waiting is a leader that was stopped in the middle of a write, whose
 * session is ended.
 *
 * @param ttlMs how long the lease lasts without a renewal, in milliseconds.
 * @returns the new lease, or null while somebody else's is valid.
 */
export async function electLeader(db: Db, name: LeaseName, holder: string, ttlMs: number): Promise<LeaderLease | null> {
  return inTransaction(db, async (tx) => {
    const expired = await endingStopped(db, tx, () =>
      sql`SELECT 1 FROM leases WHERE name = ${name} AND expires_at < clock_timestamp() FOR UPDATE`.execute(tx),
    );
    if (expired.rows.length === 0) return null;
    const elected = await sql<{ epoch: string }>`
      UPDATE leases SET holder = ${holder}, epoch = epoch + 1, expires_at = ${expiry(ttlMs)}
      WHERE name = ${name} RETURNING epoch`.execute(tx);
    await faultPoint('election.before-commit');
    const epoch = elected.rows[0]?.epoch;
    return epoch === undefined ? null : { name, holder, epoch };
  });
}

/** Extends the lease. A plain update of non-key columns: never blocks behind the leader's own writes. False: it is lost. */
export async function renewLeadership(db: Db, lease: LeaderLease, ttlMs: number): Promise<boolean> {
  const renewed = await fromStore(
    sql`
      UPDATE leases SET expires_at = ${expiry(ttlMs)}
      WHERE name = ${lease.name} AND holder = ${lease.holder} AND epoch = ${lease.epoch}
        AND expires_at > clock_timestamp()`.execute(db),
  );
  return renewed.numAffectedRows === 1n;
}

/** Ends the lease now, so that a standby takes over at once. */
export async function resignLeadership(db: Db, lease: LeaderLease): Promise<void> {
  await fromStore(
    sql`
      UPDATE leases SET expires_at = '-infinity'
      WHERE name = ${lease.name} AND holder = ${lease.holder} AND epoch = ${lease.epoch}`.execute(db),
  );
}

/** Ends a leader's transaction with these statements, see {@link Commit}. */
export type LeaderCommit = (...last: readonly RawBuilder<unknown>[]) => Promise<void>;

/** What a leader's write locks, and how long it waits for it. */
export interface LeaderLocks<L> {
  /**
   * Takes what `work` needs: it may lock and read, and write nothing. Sent in front of the fence, because an election waits for the fence:
   * nobody who waits for a task's or a node's row holds it.
   */
  readonly lock?: ((tx: Tx) => Promise<L>) | undefined;
  /** Longest wait for a lock, in milliseconds; then Postgres's error 55P03. Default: the session's, 10,000. */
  readonly lockTimeoutMs?: number | undefined;
}

/**
 * Runs a leader's write: takes its rows, then finds its own epoch under a lock that an election waits for; `work` decides and writes in
 * statements after that, because a statement's snapshot is older than its lock wait.
 *
 * @throws {LongshoreError} LEADER_LOST when the lease is not this one's any more; nothing was written then.
 */
export async function asLeader<T, L = undefined>(
  db: Db,
  lease: LeaderLease,
  work: (tx: Tx, locked: L, commit: LeaderCommit) => Promise<T>,
  { lock, lockTimeoutMs }: LeaderLocks<L> = {},
): Promise<T> {
  return inTransaction(
    db,
    async (tx, commit) => {
      const [locked, found] = await allTogether([lock?.(tx), fenceOf(lease).execute(tx)]);
      if (found.rows.length === 0) throw leaderLost(lease);
      const end = { isCommitted: false };
      const result = await work(tx, locked as L, async (...last) => {
        end.isCommitted = true;
        await commit(last, 'leader.before-commit');
      });
      if (!end.isCommitted) await faultPoint('leader.before-commit');
      return result;
    },
    lockTimeoutMs,
  );
}

/**
 * A leader's write of which nothing is decided on the way: locks, fence, write and COMMIT are one trip. The write is a statement behind the locks,
 * whose snapshot is newer than their waits, and hangs on the fence by the condition that it is given.
 *
 * @param lock takes the rows that the write is about.
 * @param lockTimeoutMs as in {@link LeaderLocks}.
 * @param write makes the write, of rows for which the condition holds.
 * @returns how many rows it wrote.
 * @throws {LongshoreError} LEADER_LOST when the lease is not this one's any more; nothing was written then.
 */
export async function asLeaderAtOnce(
  db: Db,
  lease: LeaderLease,
  lock: RawBuilder<unknown>,
  write: (isLeader: RawBuilder<boolean>) => RawBuilder<unknown>,
  lockTimeoutMs?: number,
): Promise<number> {
  const { name, epoch } = lease;
  const isLeader = sql<boolean>`EXISTS (
    SELECT 1 FROM leases WHERE name = ${name} AND epoch = ${epoch} AND expires_at > clock_timestamp())`;
  const [, found, , written] = await inTransaction(
    db,
    (_, commit) => commit<unknown>([lock, fenceOf(lease), COMMIT_LATER, write(isLeader)], 'leader.before-commit'),
    lockTimeoutMs,
  );
  if (found?.rows.length !== 1) throw leaderLost(lease);
  return Number(written?.numAffectedRows ?? 0n);
}

function fenceOf({ name, epoch }: LeaderLease): RawBuilder<unknown> {
  return sql`
    SELECT 1 FROM leases
    WHERE name = ${name} AND epoch = ${epoch} AND expires_at > clock_timestamp()
    FOR KEY SHARE`;
}

function leaderLost({ holder, name, epoch }: LeaderLease): LongshoreError {
  return new LongshoreError('LEADER_LOST', `${holder} is no longer the leading ${name} (epoch ${epoch})`);
}

function expiry(ttlMs: number): ReturnType<typeof sql> {
  return sql`clock_timestamp() + ${`${ttlMs} milliseconds`}::interval`;
}
