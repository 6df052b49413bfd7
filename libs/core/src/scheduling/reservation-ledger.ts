import type { NodeId, TaskId } from '../data/ids.ts';
import { eligibleNodes, type NodeInfo, type PlacedTask, type WaitReason } from '../placement/nodes.ts';
import { compareRank, type Ranked } from './rank.ts';

/** What admission needs to know of a task. */
export interface ReservingTask extends Ranked, PlacedTask {
  /** Slots that the task wants on each of its nodes, at least 1. */
  readonly slots: number;
  /** The most nodes it may use; null: all. */
  readonly maxNodes: number | null;
  /** Nodes that it has reserved up to now: kept where possible, so that work isn't moved without need. */
  readonly reserved: readonly NodeId[];
}

export interface Admission {
  readonly taskId: TaskId;
  /** Where it may run, in order of node id; empty: it waits. */
  readonly nodes: readonly NodeId[];
  /** Why it waits, when it does. */
  readonly waiting: WaitReason | null;
}

/** Slots of a node that a task's non-idempotent subtasks use now: nobody may take them. */
export interface PinnedSlots {
  readonly nodeId: NodeId;
  readonly taskId: TaskId;
  readonly slots: number;
}

/**
 * Reserves slots in rank order: each task takes `slots` on each of its eligible nodes that has room beside the tasks
 * ranked before it, up to `maxNodes`, and is admitted when at least one has. Lower-ranked tasks are looked through, as
 * their work can be preempted, but for what can't. For equal nodes this is exactly the published stripe rule.
 *
 * @param limit how many tasks may be admitted at once.
 * @param pinned slots that can't be taken back, those of tasks that take no part included.
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
      return waits({ code: 'TASK_LIMIT', message: `${limit} tasks are scheduled already, which is the limit` });
    }
    const eligible = eligibleNodes(nodes, task);
    if (eligible.none !== null) return waits(eligible.none);
    // What is pinned for the task itself is part of what it reserves.
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

/** Nodes that it already has first, then the ones with the most room; stable by id. */
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
      ? `wants ${task.slots} slots on a node, the largest has ${largest}; lower the task's slots or add a larger node`
      : `no node has ${task.slots} slots free beside the tasks ranked before it`;
  return { code: 'NO_SLOTS', message };
}
