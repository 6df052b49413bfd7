import { SUBTASK_KINDS, type SubtaskKind } from '@longshore/core';

/** Places that control subtasks without any of their own share: enough for a burst of small tasks, little enough memory. */
const SHARED_PLACES = 4;

/** A kind with places of its own, or `shared`. */
type Place = SubtaskKind | 'shared';

/**
 * The slots of this node: who uses how many. One subtask of a task takes the task's slots per subtask; control subtasks take none,
 * but one of a fixed number of places, so that a flood of plans can't eat the node's memory. The table of kinds says which.
 */
export class SlotManager {
  readonly total: number;
  readonly #sharedPlaces: number;
  readonly #usedByTask = new Map<string, number>();
  /** Claims that are under way, by task: how many, and for how many slots. */
  readonly #claims = new Map<string, { readonly count: number; readonly slots: number }>();
  #used = 0;
  #claiming = 0;
  readonly #placesTaken = new Map<Place, number>();

  /** @param sharedPlaces places for control subtasks of the kinds that have none of their own. */
  constructor(total: number, sharedPlaces: number = SHARED_PLACES) {
    this.total = total;
    this.#sharedPlaces = sharedPlaces;
  }

  get used(): number {
    return this.#used;
  }

  /** Slots that nobody uses, and nobody is about to use. */
  get free(): number {
    return this.total - this.#used - this.#claiming;
  }

  /** How many more control subtasks of a kind may run. @param kind `shared`: of those that have no places of their own. */
  freePlaces(kind: SubtaskKind | 'shared'): number {
    const place = placeOf(kind);
    const places = place === 'shared' ? this.#sharedPlaces : Number(SUBTASK_KINDS[place].allowance);
    return places - (this.#placesTaken.get(place) ?? 0);
  }

  /** Those of some control subtasks, in their order, that there are places for. */
  fitting<Control extends { readonly kind: SubtaskKind }>(controls: readonly Control[]): readonly Control[] {
    return [...Map.groupBy(controls, ({ kind }) => placeOf(kind))].flatMap(([place, ofPlace]) =>
      ofPlace.slice(0, Math.max(0, this.freePlaces(place))),
    );
  }

  /**
   * How many more subtasks of a task fit now.
   *
   * @param slots what the task may use on a node.
   * @param slotsPerSubtask what one of its subtasks takes.
   * @param promised slots that are kept for tasks ranked before it.
   */
  capacityFor(taskId: string, slots: number, slotsPerSubtask: number, promised: number): number {
    const ofTask = slots - this.usedBy(taskId);
    return Math.max(0, Math.floor(Math.min(ofTask, this.free - promised) / slotsPerSubtask));
  }

  /** Slots that a task uses now, or is about to. */
  usedBy(taskId: string): number {
    return (this.#usedByTask.get(taskId) ?? 0) + (this.#claims.get(taskId)?.slots ?? 0);
  }

  /** Whether something of a task is being claimed, or started. */
  isClaiming(taskId: string): boolean {
    return this.#claims.has(taskId);
  }

  /**
   * A claim of a task begins: what it may bring has its slots from now on, or else another claim would ask for the same ones, and what
   * comes second would be held here while other nodes are free.
   */
  claimBegins(taskId: string, slots: number): void {
    this.#setClaims(taskId, 1, slots);
  }

  /** A claim has ended, however it did: what it has brought takes its slots as it is started. @param slots as when it began. */
  claimEnds(taskId: string, slots: number): void {
    this.#setClaims(taskId, -1, -slots);
  }

  #setClaims(taskId: string, count: number, slots: number): void {
    const before = this.#claims.get(taskId) ?? { count: 0, slots: 0 };
    this.#claiming += slots;
    if (before.count + count > 0)
      this.#claims.set(taskId, { count: before.count + count, slots: before.slots + slots });
    else this.#claims.delete(taskId);
  }

  take(taskId: string, slots: number): void {
    this.#used += slots;
    this.#usedByTask.set(taskId, (this.#usedByTask.get(taskId) ?? 0) + slots);
  }

  release(taskId: string, slots: number): void {
    this.#used -= slots;
    const left = (this.#usedByTask.get(taskId) ?? 0) - slots;
    if (left > 0) this.#usedByTask.set(taskId, left);
    else this.#usedByTask.delete(taskId);
  }

  takeControl(kind: SubtaskKind): void {
    this.#placesTaken.set(placeOf(kind), (this.#placesTaken.get(placeOf(kind)) ?? 0) + 1);
  }

  releaseControl(kind: SubtaskKind): void {
    this.#placesTaken.set(placeOf(kind), (this.#placesTaken.get(placeOf(kind)) ?? 0) - 1);
  }
}

function placeOf(kind: Place): Place {
  return kind !== 'shared' && typeof SUBTASK_KINDS[kind].allowance === 'number' ? kind : 'shared';
}
