import type { NodeId, TaskId } from '../data/ids.ts';
import {
  eligibleNodes,
  NodeState,
  type EligibleNodes,
  type NodeInfo,
  type PlacedTask,
  type WaitReason,
} from '../placement/nodes.ts';
import { compareRank, type Ranked } from './rank.ts';
import { contendedNodes, usableNodes, type RemainingWork, type Wanting } from './remaining-work.ts';

/** What admission needs to know of a task. */
export interface ReservingTask extends Ranked, PlacedTask {
  /** Slots that the task wants on each of its nodes, at least 1. */
  readonly slots: number;
  /** The most nodes it may use; null: all. */
  readonly maxNodes: number | null;
  /** Nodes on which it has slots now. It keeps them where possible, so that no work moves without need. */
  readonly reserved: readonly NodeId[];
  /** What is left of its current step; null: not known, more than all nodes can use, or no step is current and planned. Default: null. */
  readonly remaining?: RemainingWork | null;
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
 * The published rule reserves all of a task's nodes until it ends. Here a step's last subtasks bound it: where others want the slots, a task
 * keeps as many nodes as they can use. It takes back the others by its rank when there is more to do.
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
  const ledger = new Ledger(tasks, nodes, pinned);
  let admitted = 0;
  return tasks.toSorted(compareRank).map((task) => {
    const waits = (waiting: WaitReason): Admission => ({ taskId: task.id, nodes: [], waiting });
    if (admitted >= limit) {
      return waits(taskLimitReason(limit));
    }
    const eligible = ledger.eligibleFor(task);
    if (eligible.none !== null) return waits(eligible.none);
    const chosen = ledger.reserve(task, eligible.nodes);
    if (chosen.length === 0) return waits(noSlots(task, eligible.nodes));
    admitted += 1;
    return { taskId: task.id, nodes: chosen, waiting: null };
  });
}

/** Why every task waits behind the one with which the limit is reached. */
export function taskLimitReason(limit: number): WaitReason {
  return { code: 'TASK_LIMIT', message: `${limit} tasks already have slots, which is the limit` };
}

/** The slots of each node while the tasks of a pass reserve theirs, one after the other. */
class Ledger {
  readonly #nodes: readonly NodeInfo[];
  readonly #eligible = new Map<TaskId, EligibleNodes<NodeInfo>>();
  /** Slots that non-idempotent subtasks of a task use. */
  readonly #pinnedOf: ReadonlyMap<TaskId, ReadonlyMap<NodeId, number>>;
  /** Reserved or pinned slots. */
  readonly #used = new Map<NodeId, number>();
  /** Slots that tasks have now which have not reserved theirs yet. */
  readonly #lower = new Map<NodeId, number>();
  readonly #contended: ReadonlySet<NodeId>;

  constructor(tasks: readonly ReservingTask[], nodes: readonly NodeInfo[], pinned: readonly PinnedSlots[]) {
    this.#nodes = nodes;
    const byTask = Map.groupBy(pinned, (one) => one.taskId);
    this.#pinnedOf = new Map(
      [...byTask].map(([id, ones]) => [id, new Map(ones.map((one) => [one.nodeId, one.slots]))]),
    );
    for (const { nodeId, slots } of pinned) add(this.#used, nodeId, slots);
    const isBounded = tasks.some((task) => task.remaining != null);
    this.#contended = isBounded ? contendedNodes(this.#wanting(tasks), this.#live(), this.#used) : new Set();
    if (isBounded) for (const task of tasks) this.#countLower(task, 1);
  }

  eligibleFor(task: ReservingTask): EligibleNodes<NodeInfo> {
    const known = this.#eligible.get(task.id) ?? eligibleNodes(this.#nodes, task);
    this.#eligible.set(task.id, known);
    return known;
  }

  /** Reserves the task's slots. None: no node has room. */
  reserve(task: ReservingTask, eligible: readonly NodeInfo[]): readonly NodeId[] {
    const remaining = eligible.some((node) => this.#contended.has(node.id)) ? (task.remaining ?? null) : null;
    this.#countLower(task, -1);
    const withRoom = eligible.filter((node) => this.#room(node) >= this.#added(task, node.id));
    const order = remaining === null ? this.#byDefault(task) : this.#forRemaining(task, remaining);
    const most = Math.min(
      task.maxNodes ?? withRoom.length,
      remaining === null ? withRoom.length : usableNodes(remaining),
    );
    const chosen = withRoom.toSorted(order).slice(0, most);
    for (const { id } of chosen) add(this.#used, id, this.#added(task, id));
    return chosen.map((node) => node.id).toSorted();
  }

  /** Its present nodes first, then those with the most room; stable by id. */
  #byDefault(task: ReservingTask): NodeOrder {
    const kept = new Set(task.reserved);
    return inOrderOf(
      (node) => kept.has(node.id),
      (node) => this.#room(node),
    );
  }

  /** Nodes that run some of the rest first, then those where nobody loses slots; of these the present ones, and among them those whose work waits. */
  #forRemaining(task: ReservingTask, { pending, running }: RemainingWork): NodeOrder {
    const [kept, waits, runs] = [new Set(task.reserved), new Set(pending), new Set(running)];
    return inOrderOf(
      (node) => runs.has(node.id),
      (node) => this.#room(node) - (this.#lower.get(node.id) ?? 0) >= this.#added(task, node.id),
      (node) => kept.has(node.id),
      (node) => waits.has(node.id),
      (node) => this.#room(node),
    );
  }

  #room({ id, slots }: NodeInfo): number {
    return slots - (this.#used.get(id) ?? 0);
  }

  /** What the task reserves on a node beside its own pinned slots, which are part of that. */
  #added(task: ReservingTask, id: NodeId): number {
    return Math.max(0, task.slots - (this.#pinnedOf.get(task.id)?.get(id) ?? 0));
  }

  #countLower(task: ReservingTask, sign: 1 | -1): void {
    for (const id of task.reserved) add(this.#lower, id, sign * this.#added(task, id));
  }

  #live(): readonly NodeInfo[] {
    return this.#nodes.filter((node) => node.state === NodeState.live);
  }

  *#wanting(tasks: readonly ReservingTask[]): Generator<Wanting> {
    for (const task of tasks) {
      yield { nodes: this.eligibleFor(task).nodes, slotsOn: (id) => this.#added(task, id) };
    }
  }
}

type NodeOrder = (a: NodeInfo, b: NodeInfo) => number;

/** Nodes for which each of these is true, or largest, come first, the first of them deciding; stable by id. */
function inOrderOf(...goods: readonly ((node: NodeInfo) => boolean | number)[]): NodeOrder {
  return (a, b) => {
    for (const good of goods) {
      const difference = Number(good(b)) - Number(good(a));
      if (difference !== 0) return difference;
    }
    return a.id < b.id ? -1 : 1;
  };
}

function add(counts: Map<NodeId, number>, id: NodeId, slots: number): void {
  counts.set(id, (counts.get(id) ?? 0) + slots);
}

function noSlots(task: ReservingTask, eligible: readonly NodeInfo[]): WaitReason {
  const largest = Math.max(...eligible.map((node) => node.slots));
  const message =
    task.slots > largest
      ? `it needs ${task.slots} slots on a node, but the largest node has ${largest}; lower the task's slots or add a larger node`
      : `no node has ${task.slots} free slots beside the higher-ranked tasks`;
  return { code: 'NO_SLOTS', message };
}
