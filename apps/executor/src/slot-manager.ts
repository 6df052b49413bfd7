import type { SubtaskKind } from '@longshore/core';

/**
 * The slots of this node: who uses how many. One subtask of a task takes the task's slots per subtask; control subtasks take none,
 * but share a fixed number of places, so that a flood of plans can't eat the node's memory.
 */
export class SlotManager {
  readonly total: number;
  readonly #controlPlaces: number;
  readonly #gatePlaces: number;
  readonly #usedByTask = new Map<string, number>();
  #used = 0;
  #controls = 0;
  #gates = 0;

  constructor(total: number, controlPlaces: number, gatePlaces: number) {
    this.total = total;
    this.#controlPlaces = controlPlaces;
    this.#gatePlaces = gatePlaces;
  }

  get used(): number {
    return this.#used;
  }

  /** How many more control subtasks may run. */
  get freeControls(): number {
    return this.#controlPlaces - this.#controls;
  }

  /** How many more tasks' gates may be read. */
  get freeGates(): number {
    return this.#gatePlaces - this.#gates;
  }

  /**
   * How many more subtasks of a task fit now.
   *
   * @param slots what the task may use on a node.
   * @param slotsPerSubtask what one of its subtasks takes.
   * @param promised slots that are kept for tasks ranked before it.
   */
  capacityFor(taskId: string, slots: number, slotsPerSubtask: number, promised: number): number {
    const ofTask = slots - (this.#usedByTask.get(taskId) ?? 0);
    return Math.max(0, Math.floor(Math.min(ofTask, this.total - this.#used - promised) / slotsPerSubtask));
  }

  /** Slots that a task uses now. */
  usedBy(taskId: string): number {
    return this.#usedByTask.get(taskId) ?? 0;
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
    if (kind === 'gates') this.#gates += 1;
    else this.#controls += 1;
  }

  releaseControl(kind: SubtaskKind): void {
    if (kind === 'gates') this.#gates -= 1;
    else this.#controls -= 1;
  }
}
