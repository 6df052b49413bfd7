import type { ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import { fromStore } from '../session/open-store.ts';
import { recordEvents } from '../tasks/record-event.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { isKnown } from '../schema/kind-predicates.ts';

/**
 * Declares nodes dead whose lease ended `marginMs` ago by the database's clock. The node's row is taken exclusively, so a
 * claim that found it live has committed before, and none can after.
 *
 * @returns ids of the nodes that were fenced by this call.
 */
export async function fenceExpiredNodes(db: Db, lease: LeaderLease, marginMs: number): Promise<readonly string[]> {
  const suspects = await fromStore(
    sql<{ id: string }>`SELECT id FROM nodes WHERE ${isExpired(marginMs)} ORDER BY id`.execute(db),
  );
  const fenced: string[] = [];
  for (const { id } of suspects.rows) {
    const done = await asLeader(db, lease, async (tx) => {
      await sql`SELECT 1 FROM nodes WHERE id = ${id} FOR UPDATE`.execute(tx);
      return sql`UPDATE nodes SET state = 'dead' WHERE id = ${id} AND ${isExpired(marginMs)}`.execute(tx);
    });
    if (done.numAffectedRows === 1n) fenced.push(id);
  }
  return fenced;
}

/**
 * Gives every node that counts as live one full lease time from now. A new leader does so first: after an outage of the store
 * nobody could renew, and that is not the nodes' fault.
 */
export async function extendAllLeases(db: Db, lease: LeaderLease, ttlMs: number): Promise<void> {
  await asLeader(db, lease, async (tx) => {
    await sql`
      UPDATE nodes SET lease_expires_at = greatest(lease_expires_at, clock_timestamp() + ${`${ttlMs} milliseconds`}::interval)
      WHERE id IN (SELECT id FROM nodes WHERE state IN ('live', 'draining') ORDER BY id FOR NO KEY UPDATE)`.execute(tx);
  });
}

function isExpired(marginMs: number): ReturnType<typeof sql> {
  return sql`state IN ('live', 'draining') AND lease_expires_at + ${`${marginMs} milliseconds`}::interval < clock_timestamp()`;
}

/** Rows of dead nodes that are freed at once. A node has no more rows than its slots allow, so one page is the rule. */
const SWEEP_PAGE_ROWS = 1_000;

/** A row that was taken from a holder that is gone, as it was while it ran. */
export interface FreedSubtask {
  readonly id: string;
  readonly taskId: string;
  readonly taskType: string;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  readonly kind: string;
  readonly step: string;
  readonly ordinal: number;
  /** The node that was its holder. */
  readonly nodeId: string;
  readonly attempt: number;
  /** When it was claimed. */
  readonly startedAt: Date;
}

interface OrphanRow {
  id: string;
  task_id: string;
  exec_id: string;
  attempt: number;
  is_idempotent: boolean;
}

interface LockedRow extends OrphanRow {
  type: string | null;
  trace: FreedSubtask['trace'];
  kind: string;
  step: string;
  ordinal: number;
  started_at: Date;
}

/**
 * Frees running rows whose holder can't be alive: their node is dead or stopped, or has registered anew since. Level-triggered,
 * so a row is freed whatever was missed before; one of a kind that this build doesn't know is left to a newer one. Idempotent work becomes pending again; the rest fails, because nobody knows how
 * far it came.
 *
 * @returns the rows that were freed.
 */
export async function sweepOrphans(db: Db, lease: LeaderLease): Promise<readonly FreedSubtask[]> {
  const orphans = await findOrphans(db);
  if (orphans.length === 0) return [];
  return asLeader(db, lease, async (tx) => {
    const taskIds = [...new Set(orphans.map((row) => row.task_id))];
    await sql`SELECT 1 FROM tasks WHERE id = ANY(${taskIds}::bigint[]) ORDER BY id FOR UPDATE`.execute(tx);
    const locked = await lockOrphans(tx, orphans);
    await freeRows(tx, locked);
    for (const [taskId, rows] of [...Map.groupBy(locked, (row) => row.task_id)].toSorted(byId)) {
      await recordEvents(
        tx,
        taskId,
        rows.map((row) => ({
          actor: 'node-manager',
          kind: 'subtask-node-lost',
          from: 'running',
          to: row.is_idempotent ? 'pending' : 'failed',
          subtaskId: row.id,
          message: `node ${row.exec_id} was lost`,
        })),
      );
    }
    return locked.map(freedSubtask);
  });
}

const byId = (a: [string, unknown], b: [string, unknown]): number => (BigInt(a[0]) < BigInt(b[0]) ? -1 : 1);

async function findOrphans(db: Db): Promise<readonly OrphanRow[]> {
  const rows = await fromStore(
    sql<OrphanRow>`
      SELECT s.id, s.task_id, s.exec_id, s.attempt, s.is_idempotent
      FROM subtasks s LEFT JOIN nodes n ON n.id = s.exec_id
      WHERE s.state = 'running' AND ${isKnown('s')} AND (n.id IS NULL OR n.state IN ('dead', 'stopped') OR n.epoch > s.node_epoch)
      ORDER BY s.id LIMIT ${SWEEP_PAGE_ROWS}`.execute(db),
  );
  return rows.rows;
}

function freedSubtask(row: LockedRow): FreedSubtask {
  const { id, kind, step, ordinal, attempt, trace } = row;
  return {
    id,
    taskId: row.task_id,
    taskType: row.type ?? '',
    trace,
    kind,
    step,
    ordinal,
    nodeId: row.exec_id,
    attempt,
    startedAt: row.started_at,
  };
}

async function lockOrphans(tx: Tx, orphans: readonly OrphanRow[]): Promise<readonly LockedRow[]> {
  const rows = await sql<LockedRow>`
    SELECT s.id, s.task_id, s.exec_id, s.attempt, s.is_idempotent, s.kind, s.step, s.ordinal, s.started_at, t.type, t.trace
    FROM subtasks s
    LEFT JOIN tasks t ON t.id = s.task_id
    JOIN unnest(${orphans.map((row) => row.id)}::bigint[], ${orphans.map((row) => row.attempt)}::int[]) AS o(id, attempt)
      ON s.id = o.id AND s.attempt = o.attempt
    WHERE s.state = 'running'
    ORDER BY s.id FOR UPDATE OF s`.execute(tx);
  return rows.rows;
}

async function freeRows(tx: Tx, rows: readonly OrphanRow[]): Promise<void> {
  const again = rows.filter((row) => row.is_idempotent).map((row) => row.id);
  const lost = rows.filter((row) => !row.is_idempotent).map((row) => row.id);
  const error: ErrorData = {
    code: 'NODE_LOST',
    message: 'its node was lost while it ran, and it is not idempotent',
    permanent: true,
  };
  await sql`
    UPDATE subtasks SET state = 'pending', node_epoch = NULL, reason = 'node lost', waiting = NULL WHERE id = ANY(${again}::bigint[])`.execute(
    tx,
  );
  await sql`
    UPDATE subtasks SET state = 'failed', waiting = NULL, error = ${JSON.stringify(error)}::json, ended_at = clock_timestamp()
    WHERE id = ANY(${lost}::bigint[])`.execute(tx);
}
