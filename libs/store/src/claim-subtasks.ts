import { isClaimable, type SubtaskKind } from '@longshore/core';
import { sql } from 'kysely';
import { holdNode, type NodeIdentity } from './held-subtask.ts';
import { inTransaction, type Db, type Tx } from './transactions.ts';

/** How many work subtasks of a task to claim at most. */
export interface ClaimRequest {
  readonly taskId: string;
  readonly limit: number;
  /**
   * Claim only ordinals above this one: what is behind it was seen claimed. Skips the dead index entries that an old
   * snapshot elsewhere keeps alive; 0 looks at all.
   */
  readonly afterOrdinal: number;
}

export interface ClaimedSubtask {
  readonly id: string;
  readonly taskId: string;
  readonly kind: SubtaskKind;
  readonly step: string;
  readonly planAttempt: number;
  readonly ordinal: number;
  readonly attempt: number;
  readonly failures: number;
  readonly isIdempotent: boolean;
  readonly meta: unknown;
  readonly checkpoint: unknown;
}

interface ClaimRow {
  id: string;
  task_id: string;
  kind: string;
  step: string;
  plan_attempt: number;
  ordinal: number;
  attempt: number;
  failures: number;
  is_idempotent: boolean;
  meta: unknown;
  checkpoint: unknown;
}

/**
 * Claims pending subtasks of this node. The task rows are taken FOR KEY SHARE, which waits for an open transition and is
 * waited for by the next one, and what they say is read in a statement after that: nothing is claimed for a task that was
 * cancelled, paused or moved on. Claims of different executors don't wait for each other.
 *
 * @param controls control subtasks to claim, by id.
 * @throws {LongshoreError} NODE_FENCED when the node is not live under this epoch any more.
 */
export async function claimSubtasks(
  db: Db,
  node: NodeIdentity,
  requests: readonly ClaimRequest[],
  controls: readonly string[],
): Promise<readonly ClaimedSubtask[]> {
  if (requests.length === 0 && controls.length === 0) return [];
  return inTransaction(db, async (tx) => {
    await holdNode(tx, node);
    const claimed = [...(await claimWork(tx, node, requests)), ...(await claimControls(tx, node, controls))];
    return claimed.map((row) => ({
      id: row.id,
      taskId: row.task_id,
      kind: row.kind as SubtaskKind,
      step: row.step,
      planAttempt: row.plan_attempt,
      ordinal: row.ordinal,
      attempt: row.attempt,
      failures: row.failures,
      isIdempotent: row.is_idempotent,
      meta: row.meta,
      checkpoint: row.checkpoint,
    }));
  });
}

async function shareTasks(
  tx: Tx,
  ids: readonly string[],
): Promise<{ id: string; state: string; step: string | null; plan_attempt: number }[]> {
  if (ids.length === 0) return [];
  const rows = await sql<{ id: string; state: string; step: string | null; plan_attempt: number }>`
    SELECT id, state, step, plan_attempt FROM tasks WHERE id = ANY(${ids}::bigint[]) ORDER BY id FOR KEY SHARE`.execute(
    tx,
  );
  return rows.rows;
}

async function claimWork(tx: Tx, node: NodeIdentity, requests: readonly ClaimRequest[]): Promise<ClaimRow[]> {
  const tasks = await shareTasks(
    tx,
    requests.map((request) => request.taskId),
  );
  const wanted = tasks.filter((task) => isClaimable('work', task.state) && task.step !== null);
  if (wanted.length === 0) return [];
  const request = new Map(requests.map((one) => [one.taskId, one]));
  // One walk of the claim index per task. A flat join or EXISTS looks the same and takes 85 to 480 ms beside a planned
  // million; this takes 0.1 to 0.3 ms.
  const rows = await sql<ClaimRow>`
    WITH picked AS (
      SELECT s.id
      FROM unnest(
        ${wanted.map((task) => task.id)}::bigint[],
        ${wanted.map((task) => task.step)}::text[],
        ${wanted.map((task) => task.plan_attempt)}::int[],
        ${wanted.map((task) => request.get(task.id)?.limit ?? 0)}::int[],
        ${wanted.map((task) => request.get(task.id)?.afterOrdinal ?? 0)}::int[]
      ) AS t(task_id, step, plan_attempt, n, after_ordinal)
      CROSS JOIN LATERAL (
        SELECT id FROM subtasks
        WHERE exec_id = ${node.id} AND task_id = t.task_id AND step = t.step AND plan_attempt = t.plan_attempt
          AND state = 'pending' AND kind = 'work' AND ordinal > t.after_ordinal
          AND (not_before IS NULL OR not_before <= clock_timestamp())
        ORDER BY ordinal LIMIT t.n FOR UPDATE SKIP LOCKED
      ) s
    )
    UPDATE subtasks s SET
      state = 'running', attempt = s.attempt + 1, node_epoch = ${node.epoch}, reason = NULL, not_before = NULL,
      started_at = clock_timestamp()
    FROM picked WHERE s.id = picked.id
    RETURNING s.id, s.task_id, s.kind, s.step, s.plan_attempt, s.ordinal, s.attempt, s.failures, s.is_idempotent, s.meta, s.checkpoint`.execute(
    tx,
  );
  return rows.rows.toSorted((a, b) => a.ordinal - b.ordinal);
}

async function claimControls(tx: Tx, node: NodeIdentity, ids: readonly string[]): Promise<ClaimRow[]> {
  if (ids.length === 0) return [];
  const rows = await sql<{ id: string; task_id: string; kind: string }>`
    SELECT id, task_id, kind FROM subtasks WHERE id = ANY(${ids}::bigint[])`.execute(tx);
  const tasks = await shareTasks(tx, [...new Set(rows.rows.map((row) => row.task_id))]);
  const state = new Map(tasks.map((task) => [task.id, task.state]));
  const wanted = rows.rows.filter((row) => isClaimable(row.kind as SubtaskKind, state.get(row.task_id) ?? ''));
  if (wanted.length === 0) return [];
  const claimed = await sql<ClaimRow>`
    WITH picked AS (
      SELECT id FROM subtasks
      WHERE id = ANY(${wanted.map((row) => row.id)}::bigint[]) AND exec_id = ${node.id} AND state = 'pending'
        AND (not_before IS NULL OR not_before <= clock_timestamp())
      ORDER BY id FOR UPDATE SKIP LOCKED
    )
    UPDATE subtasks s SET
      state = 'running', attempt = s.attempt + 1, node_epoch = ${node.epoch}, reason = NULL, not_before = NULL,
      started_at = clock_timestamp()
    FROM picked WHERE s.id = picked.id
    RETURNING s.id, s.task_id, s.kind, s.step, s.plan_attempt, s.ordinal, s.attempt, s.failures, s.is_idempotent, s.meta, s.checkpoint`.execute(
    tx,
  );
  return claimed.rows;
}
