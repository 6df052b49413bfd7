import type { NodeId } from './ids.ts';

/**
 * The node of a planned subtask: round-robin in order of ordinals, so that rows written page by page are spread evenly
 * at every moment, whatever their number turns out to be.
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
