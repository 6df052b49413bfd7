import { createHash } from 'node:crypto';
import type { NodeLabels, Placement } from '@longshore/core';
import { sql } from 'kysely';
import { archiveSubtasks } from '../settlements/move-to-history.ts';
import type { Tx } from '../session/transactions.ts';
import type { LockedTask } from '../tasks/transition-task.ts';

/** Where a planned subtask is that fits on no node now: nobody claims it there, and the balancer moves it when there is one. */
export const NO_NODE = '';

/**
 * Names the nodes that a task could use, with their labels: what a type's answer to where a step may run holds for. The order of nodes
 * and labels doesn't matter.
 */
export function membershipOf(nodes: readonly { readonly id: string; readonly labels: NodeLabels }[]): string {
  const compare = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
  const members = nodes.map(({ id, labels }) => [id, Object.entries(labels).toSorted(compare)] as const);
  return createHash('sha256')
    .update(JSON.stringify(members.toSorted(compare)))
    .digest('base64url');
}

interface PlaceRow {
  state: string;
  step: string;
  result: { placement?: Placement | null; placedFor?: string } | null;
  meta: { placedFor?: string };
}

/**
 * Consumes a `place` subtask that has ended: stores its answer on the row of its step. One that failed for good leaves what was said
 * before, and isn't asked again for the membership that it was inserted for.
 *
 * @returns false when it has not ended, or is gone.
 */
export async function takePlacement(tx: Tx, task: LockedTask, control: string): Promise<boolean> {
  const rows = await sql<PlaceRow>`
    SELECT state, step, result, meta FROM subtasks
    WHERE id = ${control} AND task_id = ${task.id} AND kind = 'place' AND state IN ('succeed', 'failed', 'canceled')
    FOR UPDATE`.execute(tx);
  const [row] = rows.rows;
  if (row === undefined) return false;
  await archiveSubtasks(tx, [control]);
  const isAnswer = row.state === 'succeed';
  const placement = row.result?.placement ?? null;
  const placedFor = (isAnswer ? row.result?.placedFor : undefined) ?? row.meta.placedFor ?? null;
  await sql`
    UPDATE task_steps SET
      placement = CASE WHEN ${isAnswer} THEN ${placement === null ? null : JSON.stringify(placement)}::json ELSE placement END,
      placed_for = ${placedFor}
    WHERE task_id = ${task.id} AND step = ${row.step}`.execute(tx);
  return true;
}
