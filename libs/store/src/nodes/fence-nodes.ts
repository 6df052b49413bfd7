import { isKnownSubtaskKind, LOSSES_UNTIL_ALONE, SUBTASK_KINDS, type ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { attemptsById } from '../claims/holder.ts';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import { eachOnItsOwn, LockPatience } from '../session/lock-patience.ts';
import { fromStore } from '../session/open-store.ts';
import { recordEvents } from '../tasks/record-event.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { isKnown } from '../schema/kind-predicates.ts';

/** Told of something that could not be written now, most often because somebody else has locked its row. The next round finds it again. */
export type OnLeftOut = (leftOut: { readonly what: string; readonly error: unknown }) => void;

/**
 * Declares nodes dead whose lease ended `marginMs` ago by the database's clock. The node's row is taken exclusively, so a
 * claim that found it live has committed before, and none can after. Each node goes on its own: a locked one delays no other.
 *
 * @param options.spared ids of nodes that are not declared dead now, see {@link extendAllLeases}. Default: none.
 * @param options.onLeftOut told of nodes that could not be declared dead now. Default: nobody is.
 * @returns ids of the nodes that were declared dead by this call.
 */
export async function fenceExpiredNodes(
  db: Db,
  lease: LeaderLease,
  marginMs: number,
  { spared = [], onLeftOut }: { readonly spared?: readonly string[]; readonly onLeftOut?: OnLeftOut } = {},
): Promise<readonly string[]> {
  const suspects = await fromStore(
    sql<{ id: string }>`SELECT id FROM nodes WHERE ${isExpired(marginMs)} ORDER BY id`.execute(db),
  );
  const fenced: string[] = [];
  const patience = new LockPatience();
  const ids = suspects.rows.map((row) => row.id).filter((id) => !spared.includes(id));
  const leftOut = await eachOnItsOwn(ids, patience, async (id) => {
    const done = await asLeader(
      db,
      lease,
      (tx) => sql`UPDATE nodes SET state = 'dead' WHERE id = ${id} AND ${isExpired(marginMs)}`.execute(tx),
      {
        lock: (tx) => sql`SELECT 1 FROM nodes WHERE id = ${id} FOR UPDATE`.execute(tx),
        lockTimeoutMs: patience.ms,
      },
    );
    if (done.numAffectedRows === 1n) fenced.push(id);
  });
  for (const { item, error } of leftOut) onLeftOut?.({ what: `node ${item}`, error });
  return fenced;
}

/**
 * Gives every node that counts as live one full lease time from now. A new leader does so first: after an outage of the store
 * nobody could renew, and that is not the nodes' fault.
 *
 * A node whose row somebody else has locked is left out: all others would wait for it.
 *
 * @param only ids of the nodes that it is about. Default: all.
 * @returns ids of nodes that were left out. They must not be declared dead before they have got their time.
 */
export async function extendAllLeases(
  db: Db,
  lease: LeaderLease,
  ttlMs: number,
  only: readonly string[] | null = null,
): Promise<readonly string[]> {
  const isMeant = sql`state IN ('live', 'draining') AND (${only}::text[] IS NULL OR id = ANY(${only}::text[]))`;
  const leftOut = await asLeader(db, lease, (tx) =>
    sql<{ id: string }>`
      WITH locked AS (SELECT id FROM nodes WHERE ${isMeant} ORDER BY id FOR NO KEY UPDATE SKIP LOCKED),
      extended AS (
        UPDATE nodes n SET lease_expires_at = greatest(lease_expires_at, clock_timestamp() + ${`${ttlMs} milliseconds`}::interval)
        FROM locked WHERE n.id = locked.id)
      SELECT id FROM nodes WHERE ${isMeant} AND NOT id IN (SELECT id FROM locked)`.execute(tx),
  );
  return leftOut.rows.map((row) => row.id);
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
  /** Whether its node's process crashed; otherwise it was stopped, vanished, or lost its lease. */
  readonly hasCrashed: boolean;
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
  has_crashed: boolean;
}

/**
 * Frees running rows whose holder can't be alive: their node is dead or stopped, or has registered anew since. Level-triggered,
 * so a row is freed whatever was missed before; one of a kind that this build doesn't know is left to a newer one. Idempotent work becomes
 * pending again, and is suspected if the holder's process crashed; the rest fails, because nobody knows how far it came.
 *
 * Each task goes on its own, and rows that somebody else has locked are left for the next sweep: none of them delays the others.
 *
 * @param onLeftOut told of tasks whose rows could not be freed now. Default: nobody is.
 * @param patience how long it waits for a task. Default: 500 ms, until one wait was in vain.
 * @returns the rows that were freed.
 */
export async function sweepOrphans(
  db: Db,
  lease: LeaderLease,
  onLeftOut?: OnLeftOut,
  patience = new LockPatience(),
): Promise<readonly FreedSubtask[]> {
  const freed: FreedSubtask[] = [];
  const passedOver: string[] = [];
  for (;;) {
    const orphans = await findOrphans(db, passedOver);
    const before = freed.length;
    const byTask = Map.groupBy(orphans, (row) => row.task_id);
    const leftOut = await eachOnItsOwn(byTask, patience, async ([taskId, rows]) => {
      freed.push(...(await freeOrphans(db, lease, taskId, rows, patience.ms)));
    });
    for (const { item, error } of leftOut) onLeftOut?.({ what: `subtasks of task ${item[0]}`, error });
    // A page that is full of rows which can't be freed hides those behind it.
    if (orphans.length < SWEEP_PAGE_ROWS || freed.length - before === orphans.length) return freed;
    const done = new Set(freed.map((row) => row.id));
    passedOver.push(...orphans.map((row) => row.id).filter((id) => !done.has(id)));
  }
}

/** Frees rows of one task, under its lock. */
function freeOrphans(
  db: Db,
  lease: LeaderLease,
  taskId: string,
  orphans: readonly OrphanRow[],
  lockTimeoutMs: number,
): Promise<readonly FreedSubtask[]> {
  return asLeader(
    db,
    lease,
    async (tx) => {
      const locked = await lockOrphans(tx, orphans);
      await freeRows(tx, locked);
      await recordEvents(
        tx,
        taskId,
        locked.map((row) => ({
          actor: 'node-manager',
          kind: 'subtask-node-lost',
          from: 'running',
          to: row.is_idempotent ? 'pending' : 'failed',
          subtaskId: row.id,
          message: row.has_crashed
            ? `the process of node ${row.exec_id} crashed while it ran`
            : `node ${row.exec_id} was lost`,
        })),
      );
      return locked.map(freedSubtask);
    },
    { lock: (tx) => sql`SELECT 1 FROM tasks WHERE id = ${taskId} FOR UPDATE`.execute(tx), lockTimeoutMs },
  );
}

/** @param passedOver ids of rows that were found before and could not be freed. */
async function findOrphans(db: Db, passedOver: readonly string[]): Promise<readonly OrphanRow[]> {
  // Not in the order of the key: the planner would walk the key of the whole table for it, if it takes the table for a small one. Each row
  // looks its node up, because a join would read all nodes that are gone.
  const rows = await fromStore(
    sql<OrphanRow>`
      SELECT s.id, s.task_id, s.exec_id, s.attempt, s.is_idempotent
      FROM subtasks s LEFT JOIN LATERAL (SELECT state, epoch FROM nodes WHERE id = s.exec_id LIMIT 1) n ON true
      WHERE s.state = 'running' AND ${isKnown('s')} AND (n.state IS NULL OR n.state IN ('dead', 'stopped') OR n.epoch > s.node_epoch)
        AND NOT s.id = ANY(${passedOver}::bigint[])
      ORDER BY s.id + 0 LIMIT ${SWEEP_PAGE_ROWS}`.execute(db),
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
    hasCrashed: row.has_crashed,
  };
}

async function lockOrphans(tx: Tx, orphans: readonly OrphanRow[]): Promise<readonly LockedRow[]> {
  const rows = await sql<LockedRow>`
    SELECT s.id, s.task_id, s.exec_id, s.attempt, s.is_idempotent, s.kind, s.step, s.ordinal, s.started_at, t.type, t.trace,
      coalesce(n.crashed_epoch = s.node_epoch, false) AS has_crashed
    FROM ${attemptsById(orphans)} CROSS JOIN LATERAL (
      SELECT s.id, s.task_id, s.exec_id, s.node_epoch, s.attempt, s.is_idempotent, s.kind, s.step, s.ordinal, s.started_at
      FROM subtasks s WHERE s.id = h.id AND s.attempt = h.attempt AND s.state COLLATE "C" = 'running' FOR UPDATE SKIP LOCKED) s
    LEFT JOIN LATERAL (SELECT type, trace FROM tasks WHERE id = s.task_id LIMIT 1) t ON true
    LEFT JOIN LATERAL (SELECT crashed_epoch FROM nodes WHERE id = s.exec_id LIMIT 1) n ON true`.execute(tx);
  return rows.rows;
}

async function freeRows(tx: Tx, rows: readonly LockedRow[]): Promise<void> {
  const again = rows.filter((row) => row.is_idempotent).map((row) => row.id);
  const suspects = rows.filter((row) => row.is_idempotent && row.has_crashed && isSuspectable(row.kind));
  await suspect(
    tx,
    suspects.map((row) => row.id),
  );
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

/** Code of the framework's own is suspected of nothing. */
function isSuspectable(kind: string): boolean {
  return isKnownSubtaskKind(kind) && SUBTASK_KINDS[kind].hook !== null;
}

/** Notes a crash of the node on what ran there. Who runs alone already is not to blame for it. */
async function suspect(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    UPDATE subtasks SET crashes = json_build_object(
      'nodes', coalesce(crashes->'nodes', '[]')::jsonb || to_jsonb(exec_id),
      'alone', coalesce(crashes->'alone', '[]'),
      'checkpoint', checkpoint)
    WHERE id = ANY(${ids}::bigint[])
      AND (crashes IS NULL OR json_array_length(crashes->'nodes') < ${LOSSES_UNTIL_ALONE})`.execute(tx);
}
