import type { NodeId, TaskId } from './ids.ts';
import { evenShares } from './spread.ts';

/** How many subtasks of one task's current work a node has. */
export interface NodeLoad {
  readonly nodeId: NodeId;
  readonly pending: number;
  /** Running ones stay where they are: a live holder is never robbed, a dead one is fenced and its rows released first. */
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

/**
 * Moves that bring one task to an even spread: first everything off nodes that it no longer has, then the surplus of the
 * fullest ones. Counts differ by one at most afterwards, as far as pending ones allow; nothing moves when that already holds.
 */
export function balanceTask(input: BalanceInput): readonly Move[] {
  if (input.nodes.length === 0) return [];
  const has = new Map(input.loads.map((load) => [load.nodeId, load]));
  const total = input.loads.reduce((sum, load) => sum + load.pending + load.running, 0);
  // Running ones on nodes outside the set will end there; they take no share of the others.
  const outside = input.loads.filter((load) => !input.nodes.includes(load.nodeId));
  const inside = total - outside.reduce((sum, load) => sum + load.running, 0);
  const count = (id: NodeId): number => (has.get(id)?.pending ?? 0) + (has.get(id)?.running ?? 0);
  // The fullest keep the larger shares, so that the fewest rows move.
  const ordered = input.nodes.toSorted((a, b) => count(b) - count(a) || (a < b ? -1 : 1));
  const shares = evenShares(inside, ordered.length);
  const surplus: { from: NodeId; count: number; reason: Move['reason'] }[] = [];
  for (const load of outside) {
    if (load.pending > 0) surplus.push({ from: load.nodeId, count: load.pending, reason: 'node gone' });
  }
  const wants: { to: NodeId; count: number }[] = [];
  ordered.forEach((id, index) => {
    const difference = count(id) - (shares[index] ?? 0);
    const movable = Math.min(difference, has.get(id)?.pending ?? 0);
    if (movable > 0) surplus.push({ from: id, count: movable, reason: 'even spread' });
    if (difference < 0) wants.push({ to: id, count: -difference });
  });
  return pair(input.taskId, surplus, wants, ordered);
}

function pair(
  taskId: TaskId,
  surplus: readonly { from: NodeId; count: number; reason: Move['reason'] }[],
  wants: { to: NodeId; count: number }[],
  nodes: readonly NodeId[],
): Move[] {
  const moves: Move[] = [];
  let next = 0;
  for (const { from, count, reason } of surplus) {
    let left = count;
    while (left > 0) {
      const want = wants[next];
      if (want === undefined) {
        // Shares are full because running rows cannot move; only what must leave a node still goes somewhere.
        const to = nodes[moves.length % nodes.length];
        if (reason === 'node gone' && to !== undefined) moves.push({ taskId, from, to, count: left, reason });
        break;
      }
      const moved = Math.min(left, want.count);
      moves.push({ taskId, from, to: want.to, count: moved, reason });
      left -= moved;
      want.count -= moved;
      if (want.count === 0) next += 1;
    }
  }
  return moves;
}
