import type { NodeId, TaskId } from '../data/ids.ts';
import { eligibleNodes, type NodeInfo, type PlacedTask, type WaitReason } from '../placement/nodes.ts';
import { compareRank, type Ranked } from './rank.ts';

/** What admission needs to know of a task. */
export interface ReservingTask extends Ranked, PlacedTask {
  /** Slots that the task wants on each of its nodes, at least 1. */
  readonly slots: number;
  /** The most nodes it may use; null: all. */
  readonly maxNodes: number | null;
  /** Nodes on which it has slots now. It keeps them where possible, so that no work moves without need. */
  readonly reserved: readonly NodeId[];
}

export interface Admission {
  readonly taskId: TaskId;
  /** Where it may run, in order of node id; empty: it waits. */
  readonly nodes: readonly NodeId[];
  /** Why it waits, when it does. */
  readonly waiting: WaitReason | null;
}

/** Slots of a node that a task's non-idempotent subtasks use now. Nobody may take them. */
export interface PinnedSlots {
  readonly nodeId: NodeId;
  readonly taskId: TaskId;
  readonly slots: number;
}

/**
 * Reserves slots in rank order. Each task takes `slots` on each eligible node with room beside the higher-ranked tasks,
 * up to `maxNodes` nodes. With at least one node it is admitted. Admission ignores lower-ranked tasks, because their work can
 * be preempted; only slots that non-idempotent subtasks use count as taken. For equal nodes this is exactly the published
 * stripe rule.
 *
 * @param limit how many tasks may be admitted at once.
 * @param pinned slots that can't be taken back, including those of tasks outside `tasks`.
 */
export function reserveInRankOrder(
  tasks: readonly ReservingTask[],
  nodes: readonly NodeInfo[],
  limit: number,
  pinned: readonly PinnedSlots[] = [],
): readonly Admission[] {
  const used = usedByPinned(pinned);
  const pinnedOf = Map.groupBy(pinned, (one) => one.taskId);
  let admitted = 0;
  return tasks.toSorted(compareRank).map((task) => {
    const waits = (waiting: WaitReason): Admission => ({ taskId: task.id, nodes: [], waiting });
    if (admitted >= limit) {
      return waits({ code: 'TASK_LIMIT', message: `${limit} tasks already have slots, which is the limit` });
    }
    const eligible = eligibleNodes(nodes, task);
    if (eligible.none !== null) return waits(eligible.none);
    // The task's own pinned slots are part of what it reserves.
    const own = new Map((pinnedOf.get(task.id) ?? []).map((one) => [one.nodeId, one.slots]));
    const added = (id: NodeId): number => Math.max(0, task.slots - (own.get(id) ?? 0));
    const withRoom = eligible.nodes.filter((node) => (used.get(node.id) ?? 0) + added(node.id) <= node.slots);
    if (withRoom.length === 0) return waits(noSlots(task, eligible.nodes));
    const chosen = chooseNodes(withRoom, task, used);
    for (const id of chosen) used.set(id, (used.get(id) ?? 0) + added(id));
    admitted += 1;
    return { taskId: task.id, nodes: chosen, waiting: null };
  });
}

function usedByPinned(pinned: readonly PinnedSlots[]): Map<NodeId, number> {
  const used = new Map<NodeId, number>();
  for (const { nodeId, slots } of pinned) used.set(nodeId, (used.get(nodeId) ?? 0) + slots);
  return used;
}

/** Its present nodes first, then those with the most room; stable by id. */
function chooseNodes(withRoom: readonly NodeInfo[], task: ReservingTask, used: ReadonlyMap<NodeId, number>): NodeId[] {
  const room = (node: NodeInfo): number => node.slots - (used.get(node.id) ?? 0);
  const kept = new Set(task.reserved);
  const preferred = withRoom.toSorted((a, b) => {
    if (kept.has(a.id) !== kept.has(b.id)) return kept.has(a.id) ? -1 : 1;
    return room(b) - room(a) || (a.id < b.id ? -1 : 1);
  });
  return preferred
    .slice(0, task.maxNodes ?? preferred.length)
    .map((node) => node.id)
    .toSorted();
}

function noSlots(task: ReservingTask, eligible: readonly NodeInfo[]): WaitReason {
  const largest = Math.max(...eligible.map((node) => node.slots));
  const message =
    task.slots > largest
      ? `it needs ${task.slots} slots on a node, but the largest node has ${largest}; lower the task's slots or add a larger node`
      : `no node has ${task.slots} free slots beside the higher-ranked tasks`;
  return { code: 'NO_SLOTS', message };
}
