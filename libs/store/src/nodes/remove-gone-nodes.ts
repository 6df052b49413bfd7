import { sql } from 'kysely';
import { isControl, isPlanned } from '../schema/kind-predicates.ts';
import { NODE_EPOCHS_LOCK } from '../schema/migrations/0013-gone-nodes.ts';
import { asLeader, type LeaderLease } from '../scheduling/leader-lease.ts';
import type { Db, Tx } from '../session/transactions.ts';

/** Nodes that are looked at in one transaction. */
const PAGE_NODES = 500;

/** How long it waits for a lock, in milliseconds: those who register wait for it meanwhile. */
const LOCK_TIMEOUT_MS = 500;

/** What one page of removing came to. */
export interface RemovedNodes {
  readonly removed: number;
  /** The name of the last node that was looked at, where to go on; null: there are no more that are old enough. */
  readonly next: string | null;
}

/**
 * Removes nodes that stopped or were declared dead longer ago than the retention. A node stays as long as anything that is unfinished names it:
 * a subtask in whatever state, a task that has slots there, or a budget that it leased from. Their epochs don't come again.
 *
 * @param retentionMs how long they are kept, in milliseconds, counted from the end of their leases.
 * @param after where the page before ended. Default: from the first.
 * @throws {LongshoreError} LEADER_LOST when the lease is not this one's any more; nothing was removed then.
 */
export async function removeGoneNodes(
  db: Db,
  lease: LeaderLease,
  retentionMs: number,
  after: string | null = null,
): Promise<RemovedNodes> {
  return asLeader<RemovedNodes, readonly string[]>(
    db,
    lease,
    async (tx, ids) => ({
      removed: ids.length === 0 ? 0 : await removeUnnamed(tx, ids),
      next: ids.length === PAGE_NODES ? (ids.at(-1) ?? null) : null,
    }),
    {
      lock: async (tx) => {
        // The delete takes it too. Here nobody who elects a leader waits for it.
        await sql`SELECT pg_advisory_xact_lock(${NODE_EPOCHS_LOCK})`.execute(tx);
        // Rows that others have locked are left for the next look.
        const { rows } = await sql<{ id: string }>`
          SELECT id FROM nodes
          WHERE state IN ('dead', 'stopped')
            AND lease_expires_at < clock_timestamp() - ${retentionMs}::float8 * interval '1 millisecond'
            AND (${after}::text IS NULL OR id > ${after}::text)
          ORDER BY id LIMIT ${PAGE_NODES}::int FOR UPDATE SKIP LOCKED`.execute(tx);
        return rows.map((row) => row.id);
      },
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    },
  );
}

/** Deletes those of these nodes, which the caller has locked, that nothing names. @returns how many. */
async function removeUnnamed(tx: Tx, ids: readonly string[]): Promise<number> {
  const removed = await sql`
    WITH named AS MATERIALIZED (
      SELECT unnest(reserved_nodes) AS id FROM tasks WHERE reserved_nodes <> '{}'
      UNION SELECT json_object_keys(unit.budget->'demands') FROM task_budgets b, json_each(b.budgets) AS unit(name, budget))
    DELETE FROM nodes n
    WHERE n.id = ANY(${ids}::text[])
      AND NOT n.id IN (SELECT id FROM named)
      AND (SELECT true FROM subtasks s WHERE s.exec_id = n.id AND s.state = 'pending' AND ${isPlanned('s')} LIMIT 1) IS NULL
      AND (SELECT true FROM subtasks s WHERE s.exec_id = n.id AND s.state = 'running' LIMIT 1) IS NULL
      AND (SELECT true FROM subtasks s
        WHERE s.exec_id = n.id AND (${isControl('s')} OR s.state NOT IN ('pending', 'running')) LIMIT 1) IS NULL`.execute(
    tx,
  );
  return Number(removed.numAffectedRows ?? 0n);
}
