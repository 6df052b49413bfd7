import type { NodeId, TaskId } from '../data/ids.ts';
import { placeOf, placesOf, type HookPlace } from '../subtask/hook-places.ts';

/** A control subtask as a node has it. */
export interface NodeHook {
  readonly kind: string;
  readonly state: string;
  /** The node that has it. */
  readonly execId: string;
  /** For how long it has been running, in milliseconds; null: it isn't. */
  readonly runsForMs: number | null;
}

/**
 * A place is not free soon where a hook has had it for so long, in milliseconds. Most hooks take a few, and a burst of tasks queues for the
 * places of a node all the time.
 */
export const LONG_HOOK_MS = 5_000;

/** Control subtasks that each node has, by the places that they take. */
export class HookLoads {
  readonly #loads = new Map<string, number>();
  readonly #long = new Map<string, number>();

  constructor(hooks: Iterable<NodeHook> = []) {
    for (const { kind, state, execId, runsForMs } of hooks) {
      if (state !== 'pending' && state !== 'running') continue;
      this.add(execId, kind);
      if (runsForMs !== null && runsForMs >= LONG_HOOK_MS) count(this.#long, keyOf(execId, placeOf(kind)));
    }
  }

  /** Counts another one that a node gets. */
  add(node: string, kind: string): void {
    count(this.#loads, keyOf(node, placeOf(kind)));
  }

  /** How many a node has that take the same places as this kind: running ones, and those that wait there. */
  of(node: string, kind: string): number {
    return this.#loads.get(keyOf(node, placeOf(kind))) ?? 0;
  }

  /** Whether another one of this kind would find a place on a node at once. */
  hasPlace(node: string, kind: string): boolean {
    return this.of(node, kind) < placesOf(placeOf(kind));
  }

  /** Whether hooks that have been running for long have all places of a node that this kind could take. */
  isFull(node: string, kind: string): boolean {
    return (this.#long.get(keyOf(node, placeOf(kind))) ?? 0) >= placesOf(placeOf(kind));
  }
}

/**
 * Where a control subtask goes: to the node that has the fewest. One of the task's own comes first, if it has a place; then another one
 * that has; and only then one where it has to wait. Among equals different tasks go to different nodes, so that a burst is spread.
 *
 * @param nodes where it may run, in order of their ids.
 * @param own nodes that its task has.
 * @returns null where there is no node.
 */
export function nodeForHook(
  kind: string,
  task: TaskId,
  nodes: readonly NodeId[],
  own: readonly NodeId[],
  loads: HookLoads,
): NodeId | null {
  const ownNodes = nodes.filter((node) => own.includes(node));
  const withPlace = (some: readonly NodeId[]): readonly NodeId[] => some.filter((node) => loads.hasPlace(node, kind));
  const candidates = [withPlace(ownNodes), withPlace(nodes), ownNodes, nodes].find((some) => some.length > 0) ?? [];
  const first = candidates.length === 0 ? 0 : Number(BigInt(task) % BigInt(candidates.length));
  const turned = [...candidates.slice(first), ...candidates.slice(0, first)];
  return turned.toSorted((a, b) => loads.of(a, kind) - loads.of(b, kind))[0] ?? null;
}

function keyOf(node: string, place: HookPlace): string {
  return `${place} ${node}`;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
