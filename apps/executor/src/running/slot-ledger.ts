import { LongshoreError, placeOf, placesOf, SHARED_PLACES, type HookPlace, type SubtaskKind } from '@longshore/core';

/** Called when a lease is used that was released before: an error of this program. */
export type OnMisuse = (error: LongshoreError) => void;

/** Slots of a task, from when they are taken until they are released. */
export class SlotLease {
  readonly #change: (slots: number, leases: number) => void;
  readonly #onMisuse: OnMisuse;
  #slots: number;
  #isOpen = true;

  constructor(slots: number, change: (slots: number, leases: number) => void, onMisuse: OnMisuse) {
    this.#slots = slots;
    this.#change = change;
    this.#onMisuse = onMisuse;
    change(slots, 1);
  }

  /** How many it has; 0 once it is released. */
  get slots(): number {
    return this.#slots;
  }

  /** Has more or fewer slots from now on. */
  resize(slots: number): void {
    if (!this.#isOpen) {
      this.#misused('resized');
      return;
    }
    this.#change(slots - this.#slots, 0);
    this.#slots = slots;
  }

  /** Takes the slots of another lease of its task over, which ends with that. */
  absorb(other: SlotLease): void {
    const { slots } = other;
    other.release();
    this.resize(this.#slots + slots);
  }

  /** Frees its slots, once. A second call changes nothing and reports that somebody counts wrong. */
  release(): void {
    if (!this.#isOpen) {
      this.#misused('released');
      return;
    }
    this.#isOpen = false;
    this.#change(-this.#slots, -1);
    this.#slots = 0;
  }

  #misused(what: string): void {
    this.#onMisuse(new LongshoreError('INTERNAL', `a lease of slots was ${what} after it had been released`));
  }
}

/** One of the places for control subtasks. */
export type PlaceLease = Pick<SlotLease, 'release'>;

/** Where what is leased is added up: one number in all, and one for each task. */
class Sums {
  slots = 0;
  readonly byTask = new Map<string, { slots: number; leases: number }>();

  add(taskId: string, slots: number, leases: number): void {
    this.slots += slots;
    const ofTask = this.byTask.get(taskId) ?? { slots: 0, leases: 0 };
    ofTask.slots += slots;
    ofTask.leases += leases;
    if (ofTask.leases > 0) this.byTask.set(taskId, ofTask);
    else this.byTask.delete(taskId);
  }
}

/**
 * The slots of this node. Only leases count them: a lane has one, and so has each task that a claim is for. Control subtasks take no slots,
 * but one of a fixed number of places, so that a flood of plans can't eat the node's memory. The table of kinds says which.
 */
export class SlotLedger {
  readonly total: number;
  readonly #sharedPlaces: number;
  readonly #onMisuse: OnMisuse;
  readonly #running = new Sums();
  readonly #claiming = new Sums();
  readonly #placesTaken = new Map<HookPlace, number>();

  /**
   * @param onMisuse told of a lease that is released twice, which changes nothing: production logs it, tests throw.
   * @param sharedPlaces places for control subtasks of the kinds that have none of their own.
   */
  constructor(total: number, onMisuse: OnMisuse, sharedPlaces: number = SHARED_PLACES) {
    this.total = total;
    this.#sharedPlaces = sharedPlaces;
    this.#onMisuse = onMisuse;
  }

  /** Slots of what runs. */
  get used(): number {
    return this.#running.slots;
  }

  /** Slots that nobody uses, and nobody is about to use. */
  get free(): number {
    return this.total - this.#running.slots - this.#claiming.slots;
  }

  /** How many more control subtasks of a kind may run. @param kind `shared`: of those that have no places of their own. */
  freePlaces(kind: SubtaskKind | 'shared'): number {
    const place = placeOf(kind);
    const places = place === 'shared' ? this.#sharedPlaces : placesOf(place);
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
    return (this.#running.byTask.get(taskId)?.slots ?? 0) + (this.#claiming.byTask.get(taskId)?.slots ?? 0);
  }

  /** Whether something of a task is being claimed. */
  isClaiming(taskId: string): boolean {
    return this.#claiming.byTask.has(taskId);
  }

  /** Slots for what runs. */
  take(taskId: string, slots: number): SlotLease {
    return new SlotLease(slots, (change, leases) => this.#running.add(taskId, change, leases), this.#onMisuse);
  }

  /**
   * Keeps slots for what a claim may bring, from before it is sent. Otherwise another claim would count on the same slots, and what it
   * brings would wait here while other nodes are free. Released when the claim has ended; what it brought takes slots of its own as it
   * starts.
   */
  keep(taskId: string, slots: number): SlotLease {
    return new SlotLease(slots, (change, leases) => this.#claiming.add(taskId, change, leases), this.#onMisuse);
  }

  /** A place for a control subtask. */
  takePlace(kind: SubtaskKind): PlaceLease {
    const place = placeOf(kind);
    const change = (by: number): void => {
      this.#placesTaken.set(place, (this.#placesTaken.get(place) ?? 0) + by);
    };
    return new SlotLease(1, change, this.#onMisuse);
  }
}
