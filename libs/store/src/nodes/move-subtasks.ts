import type { Move, NodeId, NodeLoad } from '@longshore/core';
import { sql } from 'kysely';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import type { LockPatience } from '../session/lock-patience.ts';
import { storeError } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { isPlanned } from '../schema/kind-predicates.ts';

/** A task that has pending subtasks, with what balancing needs. */
export interface BalanceSnapshot {
  readonly taskId: string;
  readonly state: string;
  readonly reservedNodes: readonly string[];
  readonly loads: readonly NodeLoad[];
}

/**
 * Tasks whose pending work may need to move: some of it is on a node that the task doesn't have, or one of the task's nodes
 * has nothing left while another has some. Counting is done for those alone, as it costs time in proportion to the rows.
 *
 * Which nodes have pending work, those that are gone or were never there included, is read off the index that begins with the node: one
 * step for each. The table of nodes would also have those that are long gone.
 *
 * @param liveNodes ids of the nodes that take work.
 */
export async function readImbalances(db: Db, liveNodes: readonly string[]): Promise<readonly BalanceSnapshot[]> {
  try {
    const rows = await sql<{ id: string; state: string; reserved_nodes: string[]; step: string; plan_attempt: number }>`
      WITH RECURSIVE places (id) AS (
        (SELECT s.exec_id FROM subtasks s WHERE s.state = 'pending' AND ${isPlanned('s')} ORDER BY s.exec_id LIMIT 1)
        UNION ALL
        SELECT next.id FROM places p CROSS JOIN LATERAL (
          SELECT s.exec_id AS id FROM subtasks s
          WHERE s.state = 'pending' AND ${isPlanned('s')} AND s.exec_id > p.id ORDER BY s.exec_id LIMIT 1) next),
      looked_at AS MATERIALIZED (SELECT id FROM places UNION SELECT unnest(${liveNodes}::text[]))
      SELECT t.id, t.state, t.reserved_nodes, t.step, t.plan_attempt
      FROM tasks t
      CROSS JOIN LATERAL (
        SELECT bool_or(p.has AND NOT n.id = ANY(t.reserved_nodes)) AS outside,
          bool_or(p.has) AS some, bool_or(NOT p.has AND n.id = ANY(t.reserved_nodes) AND n.id = ANY(${liveNodes}::text[])) AS idle
        FROM looked_at n
        CROSS JOIN LATERAL (SELECT (
          SELECT true FROM subtasks s
          WHERE s.exec_id = n.id AND s.task_id = t.id AND s.step COLLATE "C" = t.step AND s.plan_attempt = t.plan_attempt
            AND s.state = 'pending' AND ${isPlanned('s')}
          ORDER BY s.ordinal LIMIT 1) IS NOT NULL AS has) p
      ) need
      WHERE t.state = 'running' AND t.step IS NOT NULL AND (need.outside OR (need.some AND need.idle))
      ORDER BY t.priority, t.created_at, t.id`.execute(db);
    const snapshots: BalanceSnapshot[] = [];
    for (const task of rows.rows) {
      const loads = await sql<{ exec_id: string; pending: number; running: number }>`
        SELECT exec_id, count(*) FILTER (WHERE state = 'pending')::int AS pending,
          count(*) FILTER (WHERE state = 'running')::int AS running
        FROM subtasks
        WHERE task_id = ${task.id} AND ${isPlanned()} AND step = ${task.step} AND plan_attempt = ${task.plan_attempt}
          AND state IN ('pending', 'running')
        GROUP BY exec_id`.execute(db);
      snapshots.push({
        taskId: task.id,
        state: task.state,
        reservedNodes: task.reserved_nodes.filter((id) => liveNodes.includes(id)),
        loads: loads.rows.map((row) => ({ nodeId: row.exec_id as NodeId, pending: row.pending, running: row.running })),
      });
    }
    return snapshots;
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/**
 * Carries out moves of pending work, from the tail of its order. Rows that a claim is taking are skipped, not waited for, so this
 * never blocks a claim and can't deadlock with one.
 *
 * @param patience how long it waits for a lock where it has to. Default: the session's `lock_timeout`, 10 s.
 * @returns how many rows were moved.
 */
export async function moveSubtasks(
  db: Db,
  lease: LeaderLease,
  moves: readonly Move[],
  patience?: LockPatience,
): Promise<number> {
  let moved = 0;
  for (const move of moves) {
    const result = await asLeader(
      db,
      lease,
      (tx) =>
        // Picked in a CTE, which is carried out once. As `id IN (SELECT …)` it may be run again for each row, and then skips the rows
        // that it has moved itself: more of them go than the limit says.
        sql`
        WITH picked AS (
          SELECT s.id FROM tasks t CROSS JOIN LATERAL (
            SELECT id FROM subtasks
            WHERE exec_id = ${move.from} AND task_id = t.id AND step COLLATE "C" = t.step AND plan_attempt = t.plan_attempt
              AND state = 'pending' AND ${isPlanned()}
            ORDER BY ordinal DESC LIMIT ${move.count} FOR UPDATE SKIP LOCKED) s
          WHERE t.id = ${move.taskId})
        UPDATE subtasks s SET exec_id = ${move.to}, reason = ${move.reason} WHERE s.id = ANY(ARRAY(SELECT id FROM picked))`.execute(
          tx,
        ),
      { lockTimeoutMs: patience?.ms },
    );
    moved += Number(result.numAffectedRows ?? 0n);
  }
  return moved;
}
