import type { NodeId } from '../data/ids.ts';
import { fitsPlacement, type NodeLabels, type Placement } from './label-selectors.ts';

/**
 * The node of a planned subtask: round-robin in order of ordinals, so that rows written page by page are spread evenly
 * at every moment, for any number of them.
 *
 * @param ordinal position in its step, from 1.
 * @param nodes where the step may run, at least one.
 * @throws {RangeError} without nodes.
 */
export function nodeOfOrdinal(ordinal: number, nodes: readonly NodeId[]): NodeId {
  const node = nodes[(ordinal - 1) % nodes.length];
  if (node === undefined) throw new RangeError('no nodes to spread over');
  return node;
}

/** How many of `total` each of `nodes` gets when spread evenly; the first ones get one more. */
export function evenShares(total: number, nodes: number): number[] {
  const share = Math.floor(total / nodes);
  const rest = total % nodes;
  return Array.from({ length: nodes }, (_, index) => share + (index < rest ? 1 : 0));
}

/**
 * The nodes that a plan is spread over: those of the task that fit what its type says. If none fits, as many of the others that do,
 * until the task gets slots there; no node: the rows wait for one.
 *
 * @param candidates live nodes that the task could use.
 * @param reserved nodes that it has slots on.
 */
export function nodesForPlan(
  placement: Placement,
  candidates: readonly { readonly id: NodeId; readonly labels: NodeLabels }[],
  reserved: readonly NodeId[],
): readonly NodeId[] {
  const fitting = candidates.filter((node) => fitsPlacement(node, placement)).map((node) => node.id);
  const own = reserved.filter((id) => fitting.includes(id));
  return own.length > 0 ? own : fitting.slice(0, Math.max(1, reserved.length));
}
