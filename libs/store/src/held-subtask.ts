import { LongshoreError } from '@longshore/core';
import { sql } from 'kysely';
import type { Tx } from './transactions.ts';

/** Names a subtask and the attempt that holds it: the fence of every write of a holder. */
export interface HeldSubtask {
  readonly id: string;
  readonly attempt: number;
}

/** The node that writes, with the epoch of its registration. */
export interface NodeIdentity {
  readonly id: string;
  /** Decimal string of 64 bits. */
  readonly epoch: string;
}

/**
 * Takes the node's row shared and checks that it is this registration's and live: whoever fences the node takes the row
 * exclusively, so nothing is claimed for a node that was declared dead.
 *
 * @throws {LongshoreError} NODE_FENCED.
 */
export async function holdNode(tx: Tx, node: NodeIdentity): Promise<void> {
  const row = await sql`
    SELECT 1 FROM nodes WHERE id = ${node.id} AND epoch = ${node.epoch} AND state = 'live' FOR KEY SHARE`.execute(tx);
  if (row.rows.length === 0) {
    throw new LongshoreError(
      'NODE_FENCED',
      `node ${node.id} (epoch ${node.epoch}) was declared dead or registered anew`,
    );
  }
}

/**
 * Locks the rows that are still held by these attempts, in order of their ids (another order deadlocks with the balancer
 * and the sweep). The rest is lost: somebody else has it, or it has ended.
 *
 * @returns ids that are still held.
 */
export async function lockHeld(tx: Tx, node: NodeIdentity, held: readonly HeldSubtask[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }>`
    SELECT s.id FROM subtasks s
    JOIN unnest(${held.map((one) => one.id)}::bigint[], ${held.map((one) => one.attempt)}::int[]) AS h(id, attempt)
      ON s.id = h.id AND s.attempt = h.attempt
    WHERE s.exec_id = ${node.id} AND s.state = 'running'
    ORDER BY s.id FOR UPDATE OF s`.execute(tx);
  return new Set(rows.rows.map((row) => row.id));
}
