import {
  LongshoreError,
  nodeId,
  type LeaseSettings,
  type NodeInfo,
  type NodeLabels,
  type OfferedType,
  type RuntimeSlots,
} from '@longshore/core';
import { sql } from 'kysely';
import type { NodeIdentity } from '../claims/holder.ts';
import { holdLease } from '../cluster/lease-settings.ts';
import { fromStore } from '../session/open-store.ts';
import { readPrepared } from '../session/read-prepared.ts';
import { isPlanned } from '../schema/kind-predicates.ts';
import { inTransaction, type Db, type Tx } from '../session/transactions.ts';

export interface NodeRegistration {
  readonly id: string;
  readonly scope: string;
  readonly labels: NodeLabels;
  readonly slots: number;
  readonly types: readonly OfferedType[];
  readonly host: string;
  readonly pid: number;
  /** How long the node counts as live without a renewal, in milliseconds. */
  readonly leaseTtlMs: number;
  /** Names the run of the kernel that the process is on. Default: nobody can say. */
  readonly bootId?: string | null;
  /** The epoch of the process that had this name before, if its end was a crash. Default: it was none. */
  readonly crashedEpoch?: string | null;
  /** What the cluster goes by, so that it stays so until the node is registered. Default: that isn't looked at. */
  readonly agreed?: LeaseSettings;
}

/**
 * Registers a node, or registers it anew under a higher epoch. That fences the former process of this name, and its subtasks are
 * freed by the sweep.
 *
 * @throws {LongshoreError} CONFIG_INVALID when the cluster goes by other leases than were agreed on.
 */
export async function registerNode(db: Db, node: NodeRegistration): Promise<NodeIdentity> {
  return inTransaction(db, async (tx) => {
    if (node.agreed !== undefined) await holdLease(tx, node.agreed);
    // Two statements: DO UPDATE watches one index, and the epoch is part of another, which a registration at the same time may fill first.
    const added = await sql<{ epoch: string }>`
      INSERT INTO nodes (id, state, scope, labels, slots, types, host, pid, boot_id, lease_expires_at)
      VALUES (${node.id}, 'live', ${node.scope}, ${JSON.stringify(node.labels)}::json, ${node.slots},
        ${JSON.stringify(node.types)}::json, ${node.host}, ${node.pid}, ${node.bootId ?? null}, ${expiry(node.leaseTtlMs)})
      ON CONFLICT DO NOTHING RETURNING epoch`.execute(tx);
    const row = added.rows[0] ?? (await registerAnew(tx, node));
    return { id: node.id, epoch: row.epoch };
  });
}

/** @throws {LongshoreError} STATE_CONFLICT when the node was removed this very moment. */
async function registerAnew(tx: Tx, node: NodeRegistration): Promise<{ readonly epoch: string }> {
  const raised = await sql<{ epoch: string }>`
    UPDATE nodes SET
      epoch = epoch + 1, state = 'live', scope = ${node.scope}, labels = ${JSON.stringify(node.labels)}::json, slots = ${node.slots},
      types = ${JSON.stringify(node.types)}::json, host = ${node.host}, pid = ${node.pid},
      boot_id = ${node.bootId ?? null},
      crashed_epoch = CASE WHEN ${hasCrashed(node.crashedEpoch ?? null)} THEN epoch ELSE crashed_epoch END, started_at = clock_timestamp(),
      lease_expires_at = ${expiry(node.leaseTtlMs)}
    WHERE id = ${node.id} RETURNING epoch`.execute(tx);
  const row = raised.rows[0];
  if (row === undefined) {
    throw new LongshoreError('STATE_CONFLICT', `node ${node.id} was removed while it registered; register it again`);
  }
  return row;
}

/**
 * Whether the process of this epoch was at work with a lease until it ended. One that drained, or whose lease had run out, did not end by
 * a crash that says anything of its work.
 */
function hasCrashed(epoch: string | null): ReturnType<typeof sql> {
  return sql`epoch = ${epoch}::bigint AND state = 'live' AND lease_expires_at > clock_timestamp()`;
}

/** Renews a node's lease. False: it was fenced, by its lease's end or by another registration. */
export async function renewNode(db: Db, node: NodeIdentity, leaseTtlMs: number): Promise<boolean> {
  const renewed = await fromStore(
    sql`
      UPDATE nodes SET lease_expires_at = ${expiry(leaseTtlMs)}
      WHERE id = ${node.id} AND epoch = ${node.epoch} AND state IN ('live', 'draining')`.execute(db),
  );
  return renewed.numAffectedRows === 1n;
}

/** Marks a node as draining (it takes nothing new) or stopped (it has handed everything back). */
export async function setNodeState(db: Db, node: NodeIdentity, state: 'draining' | 'stopped'): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    // Exclusive, so that no claim that checked the node before can commit after.
    await sql`SELECT 1 FROM nodes WHERE id = ${node.id} AND epoch = ${node.epoch} FOR UPDATE`.execute(tx);
    const changed = await sql`
      UPDATE nodes SET state = ${state}
      WHERE id = ${node.id} AND epoch = ${node.epoch} AND state IN ('live', 'draining')`.execute(tx);
    return changed.numAffectedRows === 1n;
  });
}

/** Whether a node may run something. In these words, because a partial index has them. */
export const isPresent = sql<boolean>`(state IN ('live', 'draining'))`;

/** A node as operators see it. */
export interface StoredNode extends NodeInfo {
  readonly epoch: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: Date;
  readonly leaseExpiresAt: Date;
  /** Names the run of the kernel that its process is on; null: nobody could say. */
  readonly bootId: string | null;
}

interface NodeRow {
  id: string;
  state: string;
  scope: string;
  labels: NodeLabels;
  slots: number;
  types: OfferedType[];
  epoch: string;
  host: string;
  pid: number;
  started_at: Date;
  lease_expires_at: Date;
  boot_id: string | null;
}

const COLUMNS = sql.raw(
  'id, state, scope, labels, slots, types, epoch, host, pid, started_at, lease_expires_at, boot_id',
);

/** Nodes that may run something, by id: those that are live or draining. It costs the same however many others there were. */
export async function readPresentNodes(db: Db): Promise<readonly StoredNode[]> {
  const rows = await readPrepared(db, sql<NodeRow>`SELECT ${COLUMNS} FROM nodes WHERE ${isPresent} ORDER BY id`);
  return rows.map(toNode);
}

/**
 * Nodes that registered and were not removed, by id. For people: what is asked again and again needs only those that are present.
 *
 * @param mostGone how many that are gone it answers at most, those that went last. Default: all.
 */
export async function readNodes(db: Db, mostGone: number | null = null): Promise<readonly StoredNode[]> {
  const statement = sql<NodeRow>`
    SELECT * FROM (
      SELECT ${COLUMNS} FROM nodes WHERE ${isPresent}
      UNION ALL
      (SELECT ${COLUMNS} FROM nodes WHERE NOT ${isPresent} ORDER BY lease_expires_at DESC, id LIMIT ${mostGone}::bigint)) n
    ORDER BY id`;
  return (await readPrepared(db, statement)).map(toNode);
}

/** The node of this name; null: none is known. */
export async function readNode(db: Db, id: string): Promise<StoredNode | null> {
  const [row] = await readPrepared(db, sql<NodeRow>`SELECT ${COLUMNS} FROM nodes WHERE id = ${id}`);
  return row === undefined ? null : toNode(row);
}

/** States of the nodes of these names. Those that aren't known are missing. */
export async function readNodeStates(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await fromStore(
    sql<{ id: string; state: string }>`SELECT id, state FROM nodes WHERE id = ANY(${ids}::text[])`.execute(db),
  );
  return new Map(rows.rows.map(({ id, state }) => [id, state]));
}

/** How many nodes that are gone are still known, by state. */
export async function countGoneNodes(db: Db): Promise<ReadonlyMap<string, number>> {
  const rows = await fromStore(
    sql<{ state: string; nodes: number }>`
      SELECT state, count(*)::int AS nodes FROM nodes WHERE NOT ${isPresent} GROUP BY state`.execute(db),
  );
  return new Map(rows.rows.map(({ state, nodes }) => [state, nodes]));
}

function toNode(row: NodeRow): StoredNode {
  return {
    id: nodeId(row.id),
    state: row.state,
    scope: row.scope,
    labels: row.labels,
    slots: row.slots,
    types: row.types,
    epoch: row.epoch,
    host: row.host,
    pid: row.pid,
    startedAt: row.started_at,
    leaseExpiresAt: row.lease_expires_at,
    bootId: row.boot_id,
  };
}

/** What a node has to do. */
export interface NodeWork {
  /** What it has claimed of each task, in order of rank, with the slots that the task may use. */
  readonly claimed: readonly {
    readonly claimed: number;
    readonly step: string | null;
    readonly slots: number;
    readonly slotsPerSubtask: number;
    readonly runtimeSlots: RuntimeSlots | null;
  }[];
  /** Control subtasks that it runs. */
  readonly hooks: number;
  /** Subtasks of all kinds that wait for it. */
  readonly pending: number;
}

/** The load of each node, counted from the rows of subtasks: in proportion to them, so ask for it only while somebody looks. */
export async function readNodeLoads(db: Db): Promise<ReadonlyMap<string, NodeWork>> {
  const { rows } = await fromStore(
    sql<{ exec_id: string; pending: number; hooks: number; claimed: NodeWork['claimed'] }>`
      WITH counted AS (
        SELECT exec_id, task_id, ${isPlanned()} AS is_planned, state, count(*)::int AS n
        FROM subtasks WHERE state IN ('running', 'pending') GROUP BY 1, 2, 3, 4)
      SELECT c.exec_id, coalesce(sum(c.n) FILTER (WHERE c.state = 'pending'), 0)::int AS pending,
        coalesce(sum(c.n) FILTER (WHERE c.state = 'running' AND NOT c.is_planned), 0)::int AS hooks,
        coalesce(json_agg(json_build_object('claimed', c.n, 'step', t.step, 'slots', t.slots,
          'slotsPerSubtask', t.slots_per_subtask, 'runtimeSlots', t.runtime_slots) ORDER BY t.priority, t.created_at, t.id)
          FILTER (WHERE c.state = 'running' AND c.is_planned), '[]') AS claimed
      FROM counted c JOIN tasks t ON t.id = c.task_id GROUP BY c.exec_id`.execute(db),
  );
  return new Map(rows.map(({ exec_id, ...load }) => [exec_id, load]));
}

function expiry(ttlMs: number): ReturnType<typeof sql> {
  return sql`clock_timestamp() + ${`${ttlMs} milliseconds`}::interval`;
}
