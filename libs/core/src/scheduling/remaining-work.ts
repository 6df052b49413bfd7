import type { NodeId } from '../data/ids.ts';
import type { NodeInfo } from '../placement/nodes.ts';

/** What is left to do of a task's current step, which is planned to its end. */
export interface RemainingWork {
  /** The node of each subtask that waits, due or not; null: it is on none. As many as there are live nodes are enough. */
  readonly pending: readonly (NodeId | null)[];
  /** Nodes that run some of it, what they claimed ahead included. */
  readonly running: readonly NodeId[];
}

/**
 * How many nodes the rest can use, at least 1. What runs stays on its node, and what waits may go to any: each of these can use one more.
 * What runs on a node that the task is losing counts too, because it goes on elsewhere.
 */
export function usableNodes({ pending, running }: RemainingWork): number {
  return Math.max(1, pending.length + new Set(running).size);
}

/** A task by what it wants, wherever that may be. */
export interface Wanting {
  /** Nodes that it could use. */
  readonly nodes: readonly Pick<NodeInfo, 'id'>[];
  /** Slots that it wants on one of them, beside those that nobody may take from it. */
  readonly slotsOn: (node: NodeId) => number;
}

/**
 * Nodes of which the tasks together want more slots than there are. A task gives up what it can't use where somebody else may want it, and
 * nowhere else: with room for all, a task's slots are not written anew each time a subtask ends. Where tasks have slots now doesn't
 * matter to it, so that one pass never undoes what the one before it did.
 *
 * @param pinned slots of each node that can't be taken back.
 */
export function contendedNodes(
  wanting: Iterable<Wanting>,
  nodes: readonly Pick<NodeInfo, 'id' | 'slots'>[],
  pinned: ReadonlyMap<NodeId, number>,
): ReadonlySet<NodeId> {
  const left = new Map(nodes.map(({ id, slots }) => [id, slots - (pinned.get(id) ?? 0)]));
  const contended = new Set<NodeId>();
  for (const { nodes: wanted, slotsOn } of wanting) {
    for (const { id } of wanted) {
      const rest = (left.get(id) ?? 0) - slotsOn(id);
      left.set(id, rest);
      if (rest < 0) contended.add(id);
    }
    // Of a thousand that wait the first few tell.
    if (contended.size === left.size) break;
  }
  return contended;
}
