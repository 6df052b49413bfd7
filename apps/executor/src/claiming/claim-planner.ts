import {
  choosePreempted,
  compareRank,
  runtimeSlotsOf,
  taskId,
  type PreemptibleRun,
  type Ranked,
  type RuntimeSlots,
} from '@longshore/core';
import type { ClaimRequest } from '@longshore/store';
import type { Lane } from '../running/lane.ts';
import type { SlotManager } from '../running/slot-manager.ts';
import type { TaskWork } from '../running/task-work.ts';
import type { TaskWorks } from '../running/task-works.ts';

/** A task that may have work for this node. */
export interface ClaimableTask {
  readonly id: string;
  readonly priority: number;
  readonly createdAtMs: number;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly runtimeSlots: RuntimeSlots | null;
  readonly step: string | null;
}

/** A claim that is under way from when it was planned. */
export interface PlannedClaim extends ClaimRequest {
  /** Slots that are kept for what it brings. */
  readonly slots: number;
}

/** Slots that were freed for a task, or will be, until it has taken them. */
interface Promised {
  readonly rank: Ranked;
  readonly slots: number;
}

/** A lane as preemption sees it. */
interface OpenLane {
  readonly run: PreemptibleRun;
  readonly work: TaskWork;
  readonly lane: Lane;
}

/**
 * Decides how many subtasks of each task to claim, in rank order: what has room now, and what may be held ahead. Where a task has no room,
 * lower-ranked ones give way: what they hold goes back and what they run is asked to stop, and the slots are kept for it until then.
 */
export class ClaimPlanner {
  readonly #slots: SlotManager;
  readonly #works: TaskWorks;
  readonly #onPreempt: (work: TaskWork, lane: Lane) => void;
  readonly #onNoRunner: (taskId: string, error: unknown) => void;
  /** For subtasks that are to be claimed: made anew whenever all tasks are looked at. */
  #promised = new Map<string, Promised>();
  /** For tasks whose running subtasks are to get more slots. */
  readonly #growing = new Map<string, Promised>();

  /**
   * @param onPreempt asks what is in a lane to stop, and gives back what its task holds.
   * @param onNoRunner told when no runner could be started for a task.
   */
  constructor(
    slots: SlotManager,
    works: TaskWorks,
    onPreempt: (work: TaskWork, lane: Lane) => void,
    onNoRunner: (taskId: string, error: unknown) => void,
  ) {
    this.#slots = slots;
    this.#works = works;
    this.#onPreempt = onPreempt;
    this.#onNoRunner = onNoRunner;
  }

  /** Slots that a task must leave to others because they were freed for higher-ranked ones. */
  promisedBefore(task: Ranked): number {
    let slots = 0;
    for (const { rank, slots: kept } of [...this.#promised.values(), ...this.#growing.values()]) {
      if (compareRank(rank, task) < 0) slots += kept;
    }
    return slots;
  }

  /** Whether slots are being freed for subtasks that run. */
  get isGrowing(): boolean {
    return this.#growing.size > 0;
  }

  /** Its running subtasks have got the slots that they should have, or are over. */
  grown(id: string): void {
    this.#growing.delete(id);
  }

  /** Whether slots are kept for a task that couldn't take them yet. */
  get keepsSlots(): boolean {
    return this.#promised.size > 0 || this.#growing.size > 0;
  }

  /** It has taken what was kept for it. */
  taken(id: string): void {
    this.#promised.delete(id);
  }

  /**
   * What to claim, of all tasks that have work here, in rank order. Runners are made ready before anything is claimed for them.
   * A task that has none any more needs nothing kept.
   */
  planAll(tasks: readonly ClaimableTask[]): Promise<PlannedClaim[]> {
    this.#promised = new Map();
    for (const id of this.#growing.keys()) if (this.#works.get(id)?.isBusy !== true) this.#growing.delete(id);
    return this.plan(tasks);
  }

  /**
   * What to claim of some tasks, in rank order, beside what is kept for others. With each request a claim begins, which
   * {@link claimEnded} ends.
   */
  async plan(tasks: readonly ClaimableTask[]): Promise<PlannedClaim[]> {
    const requests: PlannedClaim[] = [];
    let planned = 0;
    let freeing = this.#freeingSlots();
    for (const task of tasks) {
      const { slots, slotsPerSubtask } = runtimeSlotsOf(task, task.step);
      const kept = (): number => planned + this.promisedBefore(rankOf(task));
      const roomFor = (): number => this.#slots.capacityFor(task.id, slots, slotsPerSubtask, kept());
      if (roomFor() === 0 && this.#works.get(task.id) === undefined) {
        freeing -= this.#makeRoom(task, slots, slotsPerSubtask, kept(), freeing);
        continue;
      }
      const work = await this.#works.open(task.id).catch((error: unknown) => {
        this.#onNoRunner(task.id, error);
        return null;
      });
      if (work === null) continue;
      // Something may have been started, or claimed with the end of a plan, while the runner was.
      const room = roomFor();
      const ahead = work.mayHold ? work.ahead.allow(Math.floor(slots / slotsPerSubtask)) : 0;
      const limit = room + ahead - work.held.length;
      // What is held covers a while: claiming again for a single free place would be a claim per subtask.
      const isWanted = limit > 0 && work.held.length <= work.ahead.least;
      // The rest of the room is for what is held.
      const claiming = isWanted ? Math.min(room, limit) * slotsPerSubtask : 0;
      planned += room * slotsPerSubtask - claiming;
      if (isWanted) {
        requests.push({ taskId: task.id, limit, afterOrdinal: 0, slots: claiming });
        this.#slots.claimBegins(task.id, claiming);
      }
      if (room > 0) continue;
      freeing -= this.#makeRoom(task, slots, slotsPerSubtask, kept(), freeing);
    }
    return requests;
  }

  /** Claims that were planned have ended, however they did. */
  claimEnded(requests: readonly PlannedClaim[]): void {
    for (const { taskId: task, slots } of requests) this.#slots.claimEnds(task, slots);
  }

  /**
   * Frees slots on this node for a change of a task that runs here.
   *
   * @returns whether it needs to wait: lower-ranked work was asked to stop for it.
   */
  freeFor(task: Pick<ClaimableTask, 'id' | 'priority' | 'createdAtMs'>, missing: number): boolean {
    const lanes = this.#lanes(task.id);
    const chosen = choosePreempted(
      lanes.map(({ run }) => run),
      rankOf(task),
      missing - this.#freeingSlots(),
    );
    if (chosen === null) return false;
    this.#growing.set(task.id, { rank: rankOf(task), slots: missing });
    this.#stop(chosen, lanes);
    return true;
  }

  /**
   * Room for one subtask of a task that has none, from lower-ranked ones.
   *
   * @param kept slots that are kept for others.
   * @param freeing slots that are being freed, for whoever asks first.
   * @returns how many of these it has been promised.
   */
  #makeRoom(task: ClaimableTask, slots: number, slotsPerSubtask: number, kept: number, freeing: number): number {
    const own = this.#slots.usedBy(task.id);
    if (own + slotsPerSubtask > slots) return 0;
    const free = Math.max(0, this.#slots.free - kept);
    const lanes = this.#lanes(task.id);
    const chosen = choosePreempted(
      lanes.map(({ run }) => run),
      rankOf(task),
      slotsPerSubtask - free - freeing,
    );
    if (chosen === null) return 0;
    this.#promised.set(task.id, { rank: rankOf(task), slots: slotsPerSubtask });
    this.#stop(chosen, lanes);
    return Math.min(freeing, Math.max(0, slotsPerSubtask - free));
  }

  /** Lanes of other tasks that may be asked to stop, as preemption sees them. */
  #lanes(exceptOf: string): readonly OpenLane[] {
    const found: OpenLane[] = [];
    for (const work of this.#works) {
      if (work.task.id === exceptOf) continue;
      for (const [lane, runs] of work.lanes()) {
        if (runs.some((run) => run.stopping !== null)) continue;
        const run = {
          id: String(found.length),
          task: rankOf(work.task),
          slots: lane.slots,
          isIdempotent: runs.every(({ claimed }) => claimed.isIdempotent),
          startedAt: Math.min(...runs.map(({ startedAt }) => startedAt)),
        };
        found.push({ run, work, lane });
      }
    }
    return found;
  }

  #stop(chosen: readonly string[], lanes: readonly OpenLane[]): void {
    for (const { run, work, lane } of lanes) if (chosen.includes(run.id)) this.#onPreempt(work, lane);
  }

  /** Slots of what was asked to stop already: free soon. */
  #freeingSlots(): number {
    let slots = 0;
    for (const work of this.#works) {
      for (const [lane, runs] of work.lanes()) if (runs.some((run) => run.stopping !== null)) slots += lane.slots;
    }
    return slots;
  }
}

/** A task's rank on this node. */
export function rankOf(task: Pick<ClaimableTask, 'id' | 'priority' | 'createdAtMs'>): Ranked {
  return { id: taskId(task.id), priority: task.priority, createdAtMs: task.createdAtMs };
}
