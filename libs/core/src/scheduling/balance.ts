import type { NodeId, TaskId } from '../data/ids.ts';
import { evenShares } from '../placement/spread.ts';

/** How many subtasks of one task's current work a node has. */
export interface NodeLoad {
  readonly nodeId: NodeId;
  readonly pending: number;
  /** Running ones stay: a live holder keeps its subtasks, and those of a dead node are freed first. */
  readonly running: number;
}

export interface BalanceInput {
  readonly taskId: TaskId;
  /** Nodes that the task has reserved, live ones only. */
  readonly nodes: readonly NodeId[];
  /** Loads of every node that has a subtask of the task, those outside `nodes` included. */
  readonly loads: readonly NodeLoad[];
}

/** Move `count` pending subtasks of a task from one node to another. */
export interface Move {
  readonly taskId: TaskId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly count: number;
  readonly reason: 'node gone' | 'even spread';
}

/** Subtasks of one node of the task. */
interface Load {
  readonly nodeId: NodeId;
  readonly pending: number;
  readonly running: number;
  readonly count: number;
}

interface Surplus {
  readonly from: NodeId;
  readonly count: number;
  readonly reason: Move['reason'];
}

interface Want {
  readonly to: NodeId;
  readonly count: number;
}

/**
 * Moves that bring one task to an even spread: first all subtasks off nodes that it no longer has, then the surplus of the
 * fullest nodes. Afterwards counts differ by one at most, as far as pending subtasks allow. Nothing moves if they already do.
 */
export function balanceTask(input: BalanceInput): readonly Move[] {
  if (input.nodes.length === 0) return [];
  const loads = new Map(input.loads.map((load) => [load.nodeId, load]));
  const own = new Set(input.nodes);
  const outside = input.loads
    .filter((load) => !own.has(load.nodeId) && load.pending > 0)
    .toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const inside = input.nodes.map((id): Load => {
    const { pending = 0, running = 0 } = loads.get(id) ?? {};
    return { nodeId: id, pending, running, count: pending + running };
  });
  // Running ones on nodes outside the set will end there; they take no share of the others.
  const arriving = outside.reduce((sum, load) => sum + load.pending, 0);
  const shares = sharesOf(inside, arriving);
  const surplus = outside.map((load): Surplus => ({ from: load.nodeId, count: load.pending, reason: 'node gone' }));
  const wants: Want[] = [];
  for (const { nodeId: id, difference } of shares) {
    if (difference > 0) surplus.push({ from: id, count: difference, reason: 'even spread' });
    if (difference < 0) wants.push({ to: id, count: -difference });
  }
  return pair(input.taskId, surplus, wants);
}

/**
 * What each node has above its share, or below it. A node that runs more than an even share keeps what it runs, and the others
 * share the rest evenly; among these the fullest get the larger shares, so that the fewest rows move.
 */
function sharesOf(nodes: readonly Load[], arriving: number): { nodeId: NodeId; difference: number }[] {
  let left = nodes.reduce((sum, node) => sum + node.count, arriving);
  const busiest = nodes.toSorted((a, b) => b.running - a.running || (a.nodeId < b.nodeId ? -1 : 1));
  const fixed: Load[] = [];
  for (const node of busiest) {
    if (node.running < Math.ceil(left / (nodes.length - fixed.length))) break;
    fixed.push(node);
    left -= node.running;
  }
  const even = busiest.slice(fixed.length).toSorted((a, b) => b.count - a.count || (a.nodeId < b.nodeId ? -1 : 1));
  const shares = evenShares(left, even.length);
  return [
    ...fixed.map((node) => ({ nodeId: node.nodeId, difference: node.pending })),
    ...even.map((node, index) => ({ nodeId: node.nodeId, difference: node.count - (shares[index] ?? 0) })),
  ];
}

/** Pairs what is too much with what is missing; the sums are equal. */
function pair(taskId: TaskId, surplus: readonly Surplus[], wants: readonly Want[]): Move[] {
  const moves: Move[] = [];
  const open = wants.map((want) => ({ ...want }));
  for (const { from, count, reason } of surplus) {
    let left = count;
    for (const want of open) {
      const moved = Math.min(left, want.count);
      if (moved === 0) continue;
      moves.push({ taskId, from, to: want.to, count: moved, reason });
      left -= moved;
      want.count -= moved;
    }
  }
  return moves;
}
