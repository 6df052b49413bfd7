import { LongshoreError } from '@longshore/core';
import { sql, type QueryResult, type RawBuilder } from 'kysely';
import type { Tx } from '../session/transactions.ts';

/** Names a subtask and the attempt of its holder: the fence of every write of a holder. */
export interface SubtaskAttempt {
  readonly id: string;
  readonly attempt: number;
}

/** The node that writes, with the epoch of its registration. */
export interface NodeIdentity {
  readonly id: string;
  /** Decimal string of 64 bits. */
  readonly epoch: string;
}

/** Whether the node is this registration's and live. For statements behind {@link nodeLock}, which keeps it so. */
export function isLive(node: NodeIdentity): RawBuilder<boolean> {
  return sql<boolean>`EXISTS (SELECT 1 FROM nodes WHERE id = ${node.id} AND epoch = ${node.epoch} AND state = 'live')`;
}

/**
 * Takes the node's row shared if it is this registration's and live: whoever fences the node takes the row exclusively, so nothing is
 * claimed for a node that was declared dead. {@link checkNodeLock} looks at the answer.
 */
export function nodeLock(node: NodeIdentity): RawBuilder<unknown> {
  return sql`SELECT 1 FROM nodes WHERE id = ${node.id} AND epoch = ${node.epoch} AND state = 'live' FOR KEY SHARE`;
}

/** @throws {LongshoreError} NODE_FENCED when the node's row was not there to be taken. */
export function checkNodeLock(node: NodeIdentity, answer: QueryResult<unknown> | undefined): void {
  if (answer?.rows.length === 1) return;
  throw new LongshoreError('NODE_FENCED', `node ${node.id} (epoch ${node.epoch}) was declared dead or registered anew`);
}

/**
 * These attempts in order of their ids, as the source `h` of a statement, for a LATERAL that looks each row up by its
 * key. It is carried out in this order, and row by row: neither a sorted subquery nor a locking one is merged into the statement
 * around it.
 */
export function attemptsById(held: readonly SubtaskAttempt[]): RawBuilder<unknown> {
  return sql`(
    SELECT id, attempt FROM unnest(${held.map((one) => one.id)}::bigint[], ${held.map((one) => one.attempt)}::int[]) AS a(id, attempt)
    ORDER BY id) h`;
}

/**
 * Whether a row `s` runs on a node. Spelled with a collation that no index has, so that the row is looked up by its key and never by what
 * runs on the node: the planner takes that for a single row until the table has been analysed, and would walk all of it for each row.
 */
export function runsOn(node: NodeIdentity): RawBuilder<boolean> {
  return sql<boolean>`s.exec_id COLLATE "C" = ${node.id} AND s.state COLLATE "C" = 'running'`;
}

/**
 * Locks the rows whose holders are still these attempts, in order of their ids: another order deadlocks with the balancer and the
 * sweep. Answers their ids.
 *
 * @param isPassingOver whether rows that somebody has locked are passed over instead of waited for. Default: false.
 */
export function holderLock(
  node: NodeIdentity,
  own: readonly SubtaskAttempt[],
  isPassingOver = false,
): RawBuilder<{ id: string }> {
  return sql<{ id: string }>`
    SELECT own.id FROM ${attemptsById(own)} CROSS JOIN LATERAL (
      SELECT s.id FROM subtasks s WHERE s.id = h.id AND s.attempt = h.attempt AND ${runsOn(node)}
      FOR UPDATE ${isPassingOver ? sql`SKIP LOCKED` : sql``}) own`;
}

/**
 * Takes {@link holderLock} and waits for it. What is missing in the answer is lost: somebody else has it, or it has ended.
 *
 * @returns ids whose holder is still this attempt.
 */
export async function lockAsHolder(
  tx: Tx,
  node: NodeIdentity,
  own: readonly SubtaskAttempt[],
): Promise<ReadonlySet<string>> {
  const { rows } = await holderLock(node, own).execute(tx);
  return new Set(rows.map((row) => row.id));
}
