import { TaskTypeError, type SqlClient } from '@longshore/sdk';
import type { EffectOwner } from './effect-owner.ts';
import { ENTER_FENCE, FENCE, fenceKey } from './effects-schema.ts';
import { endingBlockers } from './end-blockers.ts';
import type { TargetSessions } from './target-sessions.ts';

/**
 * Opens a task's fence, once: one that was closed stays closed. Done by the task's first control subtask, before any hook of the plugin
 * has run; effects never do it, so a missing fence is a closed one.
 */
export async function openFence(client: SqlClient, owner: EffectOwner): Promise<void> {
  await client.query(
    `INSERT INTO ${FENCE} (cluster_id, task_id, is_open) VALUES ($1, $2, true) ON CONFLICT (cluster_id, task_id) DO NOTHING`,
    [owner.clusterId, owner.taskId],
  );
}

/**
 * Enters the fence for the rest of the transaction: whoever closes it waits for this transaction's end.
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
 * fail at once instead of queueing; then the exclusive lock waits for those that are in, and after the grace time ends their
 * sessions.
 *
 * @param graceMs how long effects that are under way may take to end by themselves, in milliseconds.
 */
export async function closeFence<T>(
  sessions: TargetSessions,
  owner: EffectOwner,
  graceMs: number,
  work: (client: SqlClient) => Promise<T>,
): Promise<T> {
  await sessions.transaction((client) =>
    client.query(
      `INSERT INTO ${FENCE} (cluster_id, task_id, is_open) VALUES ($1, $2, false)
       ON CONFLICT (cluster_id, task_id) DO UPDATE SET is_open = false, changed_at = clock_timestamp()`,
      [owner.clusterId, owner.taskId],
    ),
  );
  return sessions.transaction(async (client) => {
    await endingBlockers(sessions, client, { afterMs: graceMs, prefix: `ls/${owner.taskId}/` }, () =>
      client.query(`SELECT pg_advisory_xact_lock(${fenceKey('$1::text', '$2::text')})`, [
        owner.clusterId,
        owner.taskId,
      ]),
    );
    return work(client);
  });
}

/** Removes a closed fence together with what it guarded, once nothing can come late any more. */
export async function deleteFence(client: SqlClient, owner: EffectOwner): Promise<void> {
  await client.query(`DELETE FROM ${FENCE} WHERE cluster_id = $1 AND task_id = $2`, [owner.clusterId, owner.taskId]);
}

function fenceClosed(owner: EffectOwner): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_FENCE_CLOSED',
    `task ${owner.taskId} may not change this database: it was reverted, or its type doesn't declare the connection`,
  );
}
