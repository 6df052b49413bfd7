import { choosePreempted, compareRank, type PreemptibleRun } from '@longshore/core';
import type { Effect } from '../node/effects.ts';
import type { NodeState } from '../node/node-state.ts';
import type { Lane } from '../running/lane.ts';
import type { LocalTask } from '../running/local-task.ts';
import type { Run } from '../running/run.ts';
import { abort, handBack } from '../running/stop-runs.ts';
import { rankOf, type ClaimableTask, type RankedTask } from './claimable-task.ts';

/** A lane as preemption sees it. */
interface OpenLane {
  readonly run: PreemptibleRun;
  readonly local: LocalTask;
  readonly lane: Lane;
}

/** Slots that a task must leave to others because they were freed for higher-ranked ones. */
export function promisedBefore({ promised, growing }: NodeState, task: RankedTask): number {
  if (promised.size === 0 && growing.size === 0) return 0;
  const rank = rankOf(task);
  let slots = 0;
  for (const kept of [promised, growing]) {
    for (const one of kept.values()) if (compareRank(one.rank, rank) < 0) slots += one.slots;
  }
  return slots;
}

/** Lanes of a task that are open, with what runs in each. */
export function lanesOf({ runs }: NodeState, id: string): ReadonlyMap<Lane, readonly Run[]> {
  const lanes = new Map<Lane, Run[]>();
  for (const run of runs.liveOf(id).values()) {
    if (run.lane === null) continue;
    const inLane = lanes.get(run.lane);
    if (inLane === undefined) lanes.set(run.lane, [run]);
    else inLane.push(run);
  }
  return lanes;
}

/** Slots of what was asked to stop already: free soon. */
export function freeingSlots(state: NodeState): number {
  let slots = 0;
  for (const id of state.tasks.keys()) {
    for (const [lane, runs] of lanesOf(state, id)) {
      if (runs.some((run) => run.stopping !== null)) slots += lane.lease.slots;
    }
  }
  return slots;
}

/**
 * Frees slots on this node for a change of a task that runs here.
 *
 * @returns whether it needs to wait: lower-ranked work was asked to stop for it.
 */
export function freeFor(state: NodeState, task: RankedTask, missing: number, effects: Effect[]): boolean {
  const lanes = preemptible(state, task.id);
  const chosen = choosePreempted(
    lanes.map(({ run }) => run),
    rankOf(task),
    missing - freeingSlots(state),
  );
  if (chosen === null) return false;
  state.growing.set(task.id, { rank: rankOf(task), slots: missing });
  stop(state, chosen, lanes, effects);
  return true;
}

/**
 * Room for one subtask of a task that has none, from lower-ranked ones.
 *
 * @param kept slots that are kept for others.
 * @param freeing slots that are being freed, for whoever asks first.
 * @returns how many of these it has been promised.
 */
export function makeRoom(
  state: NodeState,
  task: ClaimableTask,
  ofTask: { readonly slots: number; readonly slotsPerSubtask: number },
  kept: number,
  freeing: number,
  effects: Effect[],
): number {
  const { slots, slotsPerSubtask } = ofTask;
  if (state.slots.usedBy(task.id) + slotsPerSubtask > slots) return 0;
  const free = Math.max(0, state.slots.free - kept);
  const lanes = preemptible(state, task.id);
  const chosen = choosePreempted(
    lanes.map(({ run }) => run),
    rankOf(task),
    slotsPerSubtask - free - freeing,
  );
  if (chosen === null) return 0;
  state.promised.set(task.id, { rank: rankOf(task), slots: slotsPerSubtask });
  stop(state, chosen, lanes, effects);
  return Math.min(freeing, Math.max(0, slotsPerSubtask - free));
}

/** Lanes of other tasks that may be asked to stop, as preemption sees them. */
function preemptible(state: NodeState, exceptOf: string): readonly OpenLane[] {
  const found: OpenLane[] = [];
  for (const local of state.tasks.values()) {
    if (local.task.id === exceptOf) continue;
    for (const [lane, runs] of lanesOf(state, local.task.id)) {
      if (runs.some((run) => run.stopping !== null)) continue;
      const run = {
        id: String(found.length),
        task: rankOf(local.task),
        slots: lane.lease.slots,
        isIdempotent: runs.every(({ claimed }) => claimed.isIdempotent),
        startedAt: Math.min(...runs.map(({ startedAt }) => startedAt)),
      };
      found.push({ run, local, lane });
    }
  }
  return found;
}

/** Hands back what a task has not started, and asks what is in its lanes to stop. A turn ends with the subtask that is under way. */
function stop(state: NodeState, chosen: readonly string[], lanes: readonly OpenLane[], effects: Effect[]): void {
  for (const { run, local, lane } of lanes) {
    if (!chosen.includes(run.id)) continue;
    handBack(state, local.task.id, 'preempt', effects);
    if (lane.isTurn) continue;
    for (const one of state.runs.liveOf(local.task.id).values()) {
      if (one.lane === lane) abort(state, one, 'preempt', effects);
    }
  }
}
