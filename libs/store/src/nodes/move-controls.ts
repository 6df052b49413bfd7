import { LONG_HOOK_MS, SHARED_PLACES, type LabelSelector, type NodeHook } from '@longshore/core';
import { sql } from 'kysely';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import type { LockPatience } from '../session/lock-patience.ts';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { isControl, isMovableControl, sharesPlaces } from '../schema/kind-predicates.ts';

/** A control subtask that waits on a node which takes no work, or has no place for it. */
export interface StrandedControl {
  readonly id: string;
  readonly taskId: string;
  readonly kind: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly scope: string;
  readonly selectors: readonly LabelSelector[] | null;
  /** Nodes that its task has. */
  readonly reservedNodes: readonly string[];
  readonly execId: string;
  /** `node gone`: its node takes no work; `no place`: others have been running in all places of its node for long. */
  readonly reason: 'node gone' | 'no place';
}

interface StrandedRow {
  id: string;
  task_id: string;
  kind: string;
  type: string;
  type_version: string;
  scope: string;
  selectors: LabelSelector[] | null;
  reserved_nodes: string[];
  exec_id: string;
  is_gone: boolean;
}

/**
 * Pending control subtasks that can't run where they are, of the kinds that may run on another node. What waits for its next attempt stays: it
 * may find a place by then.
 */
export async function readStrandedControls(db: Db): Promise<readonly StrandedControl[]> {
  const rows = await fromStore(
    sql<StrandedRow>`
      WITH full_nodes AS MATERIALIZED (
        SELECT exec_id FROM subtasks s
        WHERE ${sharesPlaces('s')} AND s.state = 'running'
          AND s.started_at <= clock_timestamp() - ${LONG_HOOK_MS}::int * interval '1 millisecond'
        GROUP BY exec_id HAVING count(*) >= ${SHARED_PLACES}::int)
      SELECT s.id, s.task_id, s.kind, t.type, t.type_version, t.scope, t.selectors, t.reserved_nodes, s.exec_id,
        coalesce(n.state <> 'live', true) AS is_gone
      FROM subtasks s JOIN tasks t ON t.id = s.task_id
      LEFT JOIN LATERAL (SELECT state FROM nodes WHERE id = s.exec_id LIMIT 1) n ON true
      WHERE ${isMovableControl('s')} AND s.state = 'pending'
        AND (coalesce(n.state <> 'live', true)
          OR (${sharesPlaces('s')} AND s.exec_id IN (SELECT exec_id FROM full_nodes)
            AND (s.not_before IS NULL OR s.not_before <= clock_timestamp())))
      ORDER BY t.priority, t.created_at, s.id`.execute(db),
  );
  return rows.rows.map((row) => ({
    id: row.id,
    taskId: row.task_id,
    kind: row.kind,
    type: row.type,
    typeVersion: row.type_version,
    scope: row.scope,
    selectors: row.selectors,
    reservedNodes: row.reserved_nodes,
    execId: row.exec_id,
    reason: row.is_gone ? 'node gone' : 'no place',
  }));
}

/** The control subtasks that nodes have. */
export async function readNodeHooks(db: Db): Promise<readonly NodeHook[]> {
  const rows = await fromStore(
    sql<{ kind: string; state: string; exec_id: string; runs_for_ms: number | null }>`
      SELECT s.kind, s.state, s.exec_id,
        CASE WHEN s.state = 'running' THEN date_part('epoch', clock_timestamp() - s.started_at) * 1000 END AS runs_for_ms
      FROM subtasks s WHERE ${isControl('s')} AND s.state IN ('pending', 'running')`.execute(db),
  );
  return rows.rows.map(({ kind, state, exec_id: execId, runs_for_ms: runsForMs }) => ({
    kind,
    state,
    execId,
    runsForMs,
  }));
}

/** Gives a pending control subtask to another node. False: somebody has it locked, or claimed or ended it meanwhile. */
export async function moveControl(
  db: Db,
  lease: LeaderLease,
  control: Pick<StrandedControl, 'id' | 'execId' | 'reason'>,
  to: string,
  patience?: LockPatience,
): Promise<boolean> {
  const moved = await asLeader(
    db,
    lease,
    (tx) =>
      sql`
      WITH picked AS (
        SELECT id FROM subtasks
        WHERE id = ${control.id} AND exec_id = ${control.execId} AND state = 'pending' FOR UPDATE SKIP LOCKED)
      UPDATE subtasks s SET exec_id = ${to}, reason = ${control.reason} WHERE s.id = ANY(ARRAY(SELECT id FROM picked))`.execute(
        tx,
      ),
    { lockTimeoutMs: patience?.ms },
  );
  return moved.numAffectedRows === 1n;
}
