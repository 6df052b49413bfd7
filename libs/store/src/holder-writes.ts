import { sql } from 'kysely';
import { lockHeld, type HeldSubtask, type NodeIdentity } from './held-subtask.ts';
import { fromStore } from './open-store.ts';
import { inTransaction, type Db } from './transactions.ts';

/** Stores a checkpoint while this attempt holds the subtask. False: it has lost it. */
export async function saveCheckpoint(
  db: Db,
  node: NodeIdentity,
  held: HeldSubtask,
  checkpoint: unknown,
): Promise<boolean> {
  const saved = await fromStore(
    sql`
      UPDATE subtasks SET checkpoint = ${JSON.stringify(checkpoint)}::json
      WHERE id = ${held.id} AND exec_id = ${node.id} AND attempt = ${held.attempt} AND state = 'running'`.execute(db),
  );
  return saved.numAffectedRows === 1n;
}

/**
 * Raises the attempt of a held subtask past a number, because a target's ledger has seen that one: the store was restored from an older
 * state, and counts anew.
 *
 * @returns the new attempt, or null when the subtask is not held any more: then the newer attempt is somebody else's.
 */
export async function raiseAttempt(
  db: Db,
  node: NodeIdentity,
  held: HeldSubtask,
  past: number,
): Promise<number | null> {
  const raised = await fromStore(
    sql<{ attempt: number }>`
      UPDATE subtasks SET attempt = ${past} + 1
      WHERE id = ${held.id} AND exec_id = ${node.id} AND attempt = ${held.attempt} AND state = 'running' AND attempt <= ${past}
      RETURNING attempt`.execute(db),
  );
  return raised.rows[0]?.attempt ?? null;
}

/**
 * Stores how far running subtasks are, one write for all of a node.
 *
 * @returns ids that this node has lost.
 */
export async function saveProgress(
  db: Db,
  node: NodeIdentity,
  progress: readonly (HeldSubtask & { readonly rows: number; readonly bytes: number })[],
): Promise<readonly string[]> {
  if (progress.length === 0) return [];
  return inTransaction(db, async (tx) => {
    const held = await lockHeld(tx, node, progress);
    const own = progress.filter((one) => held.has(one.id));
    await sql`
      UPDATE subtasks s SET rows = p.rows, bytes = p.bytes
      FROM unnest(${own.map((one) => one.id)}::bigint[], ${own.map((one) => one.rows)}::bigint[],
        ${own.map((one) => one.bytes)}::bigint[]) AS p(id, rows, bytes)
      WHERE s.id = p.id`.execute(tx);
    return progress.filter((one) => !held.has(one.id)).map((one) => one.id);
  });
}

/**
 * Gives back rows that this registration of the node claimed but doesn't know: the answer to a claim's commit got lost on the
 * way, and without this they would stay `running` for ever.
 *
 * @param known ids that the node has.
 * @returns how many were given back.
 */
export async function releaseUnknown(db: Db, node: NodeIdentity, known: readonly string[]): Promise<number> {
  const released = await fromStore(
    sql`
      WITH unknown AS (
        SELECT id FROM subtasks
        WHERE exec_id = ${node.id} AND node_epoch = ${node.epoch} AND state = 'running' AND NOT id = ANY(${known}::bigint[])
        ORDER BY id FOR UPDATE SKIP LOCKED)
      UPDATE subtasks s SET state = 'pending', node_epoch = NULL, reason = 'claim answer lost'
      FROM unknown WHERE s.id = unknown.id`.execute(db),
  );
  return Number(released.numAffectedRows ?? 0n);
}
