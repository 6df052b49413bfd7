import { setTimeout as wait } from 'node:timers/promises';
import { TaskTypeError, type SqlClient } from '@longshore/sdk';
import { isNoPrivilege } from '@longshore/sdk/postgres';
import type { EffectOwner } from './effect-owner.ts';
import { ENTER_FENCE, FENCE, fenceKey } from './effects-schema.ts';
import { endingOlderAttempts, noTerminate } from './end-older-attempts.ts';
import type { TargetSessions } from './target-sessions.ts';

/**
 * Opens a task's fence, once: one that was closed stays closed. Done by the task's first control subtask, before any hook of the plugin
 * has run; effects never do it, so a missing fence is a closed one.
 *
 * @throws {TaskTypeError} EFFECTS_FOREIGN_TASK when the target knows another task under this id.
 */
export async function openFence(client: SqlClient, owner: EffectOwner): Promise<void> {
  const key = owner.taskKey ?? '';
  await client.query(
    `INSERT INTO ${FENCE} (cluster_id, task_id, task_key, is_open) VALUES ($1, $2, $3, true)
     ON CONFLICT (cluster_id, task_id) DO NOTHING`,
    [owner.clusterId, owner.taskId, key],
  );
  const fence = await client.query<{ task_key: string }>(
    `SELECT task_key FROM ${FENCE} WHERE cluster_id = $1 AND task_id = $2`,
    [owner.clusterId, owner.taskId],
  );
  // Its ledger would pass the other task's work off as this one's.
  if (fence.rows[0]?.task_key === key) return;
  throw new TaskTypeError(
    'EFFECTS_FOREIGN_TASK',
    `the target knows another task under id ${owner.taskId}, so the store was restored from an older state; submit the task again until its id is above all ids in the target, or remove the old rows from longshore_effects`,
  );
}

/**
 * Enters the fence for the rest of the transaction. Closing the fence waits for this transaction's end.
 *
 * @throws {TaskTypeError} EFFECTS_FENCE_CLOSED when the task was reverted, or never opened its fence.
 */
export async function enterFence(client: SqlClient, owner: EffectOwner): Promise<void> {
  const entered = await client.query<{ is_open: boolean }>(`SELECT ${ENTER_FENCE}($1, $2) AS is_open`, [
    owner.clusterId,
    owner.taskId,
  ]);
  if (entered.rows[0]?.is_open !== true) throw fenceClosed(owner);
}

/**
 * Holds the fence by the session instead of a transaction, for statements that can't run in one.
 *
 * @throws {TaskTypeError} EFFECTS_FENCE_CLOSED.
 */
export async function holdFence<T>(client: SqlClient, owner: EffectOwner, work: () => Promise<T>): Promise<T> {
  const key = fenceKey('$1::text', '$2::text');
  await client.query(`SELECT pg_advisory_lock_shared(${key})`, [owner.clusterId, owner.taskId]);
  // A statement of its own: its snapshot must be younger than the lock.
  const fence = await client.query<{ is_open: boolean }>(
    `SELECT is_open FROM ${FENCE} WHERE cluster_id = $1 AND task_id = $2`,
    [owner.clusterId, owner.taskId],
  );
  if (fence.rows[0]?.is_open !== true) throw fenceClosed(owner);
  // An error leaves the session to be closed by its lender, and the lock goes with it.
  const result = await work();
  await client.query(`SELECT pg_advisory_unlock_shared(${key})`, [owner.clusterId, owner.taskId]);
  return result;
}

/**
 * Closes the fence and runs `work` in a transaction that has it alone. First the row is closed and committed, so that newcomers
 * fail at once instead of queueing; then those that are in get the grace time, and their sessions are ended after it; then the
 * exclusive lock is taken.
 *
 * @param graceMs how long effects that are under way may take to end by themselves, in milliseconds.
 */
export async function closeFence<T>(
  sessions: TargetSessions,
  owner: EffectOwner,
  graceMs: number,
  work: (client: SqlClient) => Promise<T>,
): Promise<T> {
  await shutFence(sessions, owner, graceMs);
  return sessions.transaction(async (client) => {
    await takeAlone(sessions, client, owner, graceMs, 'pg_advisory_xact_lock');
    return work(client);
  });
}

/** Like {@link closeFence}, but the session has the fence alone, not a transaction: for statements that can't run in one. */
export async function closeFenceBySession<T>(
  sessions: TargetSessions,
  owner: EffectOwner,
  graceMs: number,
  work: (client: SqlClient) => Promise<T>,
): Promise<T> {
  await shutFence(sessions, owner, graceMs);
  return sessions.lendPrepared(async (client) => {
    await takeAlone(sessions, client, owner, graceMs, 'pg_advisory_lock');
    // An error leaves the session to be closed by its lender, and the lock goes with it.
    const result = await work(client);
    await client.query(`SELECT pg_advisory_unlock(${fenceKey('$1::text', '$2::text')})`, [
      owner.clusterId,
      owner.taskId,
    ]);
    return result;
  });
}

/** Keeps newcomers out and waits for those that are in. */
async function shutFence(sessions: TargetSessions, owner: EffectOwner, graceMs: number): Promise<void> {
  await sessions.transaction((client) =>
    client.query(
      `INSERT INTO ${FENCE} (cluster_id, task_id, task_key, is_open) VALUES ($1, $2, $3, false)
       ON CONFLICT (cluster_id, task_id) DO UPDATE SET is_open = false, changed_at = clock_timestamp()`,
      [owner.clusterId, owner.taskId, owner.taskKey ?? ''],
    ),
  );
  await emptyFence(sessions, owner, graceMs);
}

async function takeAlone(
  sessions: TargetSessions,
  client: SqlClient,
  owner: EffectOwner,
  graceMs: number,
  lock: 'pg_advisory_lock' | 'pg_advisory_xact_lock',
): Promise<void> {
  await endingOlderAttempts(sessions, client, { afterMs: graceMs, prefix: `ls/${owner.taskId}/` }, () =>
    client.query(`SELECT ${lock}(${fenceKey('$1::text', '$2::text')})`, [owner.clusterId, owner.taskId]),
  );
}

/** How often a closed fence is looked at until it is empty, in milliseconds. */
const LOOK_MS = 25;

/**
 * Waits until nobody is in a closed fence any more, by looking: who waits in a lock has a snapshot, and an index that is built
 * CONCURRENTLY in this fence waits for the end of all older snapshots. The two would deadlock.
 */
async function emptyFence(sessions: TargetSessions, owner: EffectOwner, graceMs: number): Promise<void> {
  const graceEnds = performance.now() + graceMs;
  for (;;) {
    const isOver = performance.now() >= graceEnds;
    const inside = await sessions.lend((client) => (isOver ? endHolders(client, owner) : countHolders(client, owner)));
    if (inside === 0) return;
    await wait(LOOK_MS);
  }
}

/** Sessions in the fence: an advisory lock of 64 bits is shown as two halves. */
const HOLDERS = `
  FROM pg_locks l JOIN pg_stat_activity a USING (pid), (SELECT ${fenceKey('$1::text', '$2::text')} AS key) k
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = ((k.key >> 32) & 4294967295)::oid AND l.objid = (k.key & 4294967295)::oid
    AND starts_with(a.application_name, 'ls/')`;

async function countHolders(client: SqlClient, owner: EffectOwner): Promise<number> {
  const holders = await client.query<{ n: number }>(`SELECT count(*)::int AS n ${HOLDERS}`, [
    owner.clusterId,
    owner.taskId,
  ]);
  return holders.rows[0]?.n ?? 0;
}

/** @throws {TaskTypeError} EFFECTS_NO_TERMINATE when the role may not end them. */
async function endHolders(client: SqlClient, owner: EffectOwner): Promise<number> {
  try {
    const ended = await client.query(`SELECT pg_terminate_backend(l.pid) ${HOLDERS}`, [owner.clusterId, owner.taskId]);
    return ended.rowCount ?? 0;
  } catch (error) {
    throw isNoPrivilege(error) ? noTerminate(error) : error;
  }
}

function fenceClosed(owner: EffectOwner): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_FENCE_CLOSED',
    `task ${owner.taskId} may not change this database: it was reverted, or its type doesn't declare the connection`,
  );
}
