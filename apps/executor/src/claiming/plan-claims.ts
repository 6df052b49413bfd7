import { runtimeSlotsOf } from '@longshore/core';
import type { Effect } from '../node/effects.ts';
import type { NodeState } from '../node/node-state.ts';
import { isOutdated, type LocalTask } from '../running/local-task.ts';
import type { Claim } from './claim.ts';
import type { ClaimableTask } from './claimable-task.ts';
import { freeingSlots, makeRoom, promisedBefore } from './make-room.ts';
import { openTask } from './open-task.ts';
import type { Opened, Opening } from './opening.ts';
import type { Planning } from './planning.ts';

/**
 * Begins to claim: decides how many subtasks of each task, in rank order: what has room now, and what may be claimed ahead. Where a task has
 * no room, lower-ranked ones give way: what they have claimed ahead goes back and what they run is asked to stop, and the slots are kept
 * for it until then.
 *
 * @param what tasks beside the control subtasks to claim for.
 */
export function beginPlanning(
  state: NodeState,
  what: Pick<Planning, 'tasks' | 'controls' | 'hinted'>,
  then: Opened,
  at: number,
  effects: Effect[],
): void {
  state.planning = {
    ...what,
    requests: [],
    leases: [],
    index: 0,
    opening: null,
    planned: 0,
    freeing: what.tasks.length === 0 ? 0 : freeingSlots(state),
  };
  planOn(state, then, at, effects);
}

/**
 * Forgets the slots that were kept for tasks: a new plan looks at all tasks that have work here. Slots for growing subtasks stay kept while
 * their task runs here.
 */
export function forgetPromises(state: NodeState): void {
  state.promised = new Map();
  for (const id of state.growing.keys()) if (!state.tasks.has(id) || !state.runs.isBusy(id)) state.growing.delete(id);
}

/**
 * Goes on with the next task, until it has to wait for the runner of one; claims after the last one. A runner that doesn't come soon is not waited
 * for: its task's slots are kept, and the node looks again when it has come. A type that hangs while it loads must not keep others from being claimed.
 */
function planOn(state: NodeState, then: Opened, at: number, effects: Effect[]): void {
  const { planning } = state;
  if (planning === null) return;
  for (; planning.index < planning.tasks.length; planning.index++) {
    const task = planning.tasks[planning.index];
    if (task === undefined || state.isStopping) continue;
    const local = state.tasks.get(task.id);
    if (local === undefined && roomFor(state, planning, task) === 0) {
      giveRoom(state, planning, task, effects);
      continue;
    }
    if (local?.isAlive !== true || isOutdated(local)) {
      const known = state.opening.get(task.id);
      if (known?.isSlow === true) {
        keepRoom(state, planning, task);
        continue;
      }
      planning.opening = task.id;
      openTask(state, task.id, null, { for: 'planning', taskId: task.id }, then, at, effects);
      const opening = state.opening.get(task.id);
      if (opening !== undefined) effects.push({ do: 'await-opening', taskId: task.id, opening });
      return;
    }
    planTask(state, planning, task, local, effects);
  }
  claim(state, planning, effects);
}

/** The runner of a task has not come for a while. */
export function openingSlow(
  state: NodeState,
  { taskId, opening }: { readonly taskId: string; readonly opening: Opening },
  then: Opened,
  at: number,
  effects: Effect[],
): void {
  if (state.opening.get(taskId) !== opening) return;
  opening.isSlow = true;
  const { planning } = state;
  const task = planning?.tasks[planning.index];
  if (planning === null || planning.opening !== taskId || task === undefined) return;
  keepRoom(state, planning, task);
  planning.opening = null;
  planning.index += 1;
  planOn(state, then, at, effects);
}

/** Keeps the slots of a task whose runner is still on its way. */
function keepRoom(state: NodeState, planning: Planning, task: ClaimableTask): void {
  planning.planned += roomFor(state, planning, task) * runtimeSlotsOf(task, task.step).slotsPerSubtask;
}

/** The runner of the task that is looked at is there. */
export function planOpened(state: NodeState, local: LocalTask, then: Opened, at: number, effects: Effect[]): void {
  const { planning } = state;
  const task = planning?.tasks[planning.index];
  if (planning === null || planning.opening !== local.task.id || task === undefined) {
    // It came late.
    effects.push({ do: 'look', when: 'now' });
    return;
  }
  planning.opening = null;
  planTask(state, planning, task, local, effects);
  planning.index += 1;
  planOn(state, then, at, effects);
}

/** The task that is looked at has left, or has no runner. */
export function planNotOpened(state: NodeState, taskId: string, then: Opened, at: number, effects: Effect[]): void {
  if (state.planning?.opening !== taskId) return;
  state.planning.opening = null;
  state.planning.index += 1;
  planOn(state, then, at, effects);
}

function keptBefore(state: NodeState, planning: Planning, task: ClaimableTask): number {
  return planning.planned + promisedBefore(state, task);
}

function roomFor(state: NodeState, planning: Planning, task: ClaimableTask): number {
  const { slots, slotsPerSubtask } = runtimeSlotsOf(task, task.step);
  return state.slots.capacityFor(task.id, slots, slotsPerSubtask, keptBefore(state, planning, task));
}

function giveRoom(state: NodeState, planning: Planning, task: ClaimableTask, effects: Effect[]): void {
  const kept = keptBefore(state, planning, task);
  planning.freeing -= makeRoom(state, task, runtimeSlotsOf(task, task.step), kept, planning.freeing, effects);
}

function planTask(
  state: NodeState,
  planning: Planning,
  task: ClaimableTask,
  { mayClaimAhead, ahead }: LocalTask,
  effects: Effect[],
): void {
  const { slots, slotsPerSubtask } = runtimeSlotsOf(task, task.step);
  const waiting = state.runs.claimedOf(task.id);
  // Something may have been started, or claimed with the end of a plan, while the runner was.
  const room = roomFor(state, planning, task);
  const limit = room + (mayClaimAhead ? ahead.allow(Math.floor(slots / slotsPerSubtask)) : 0) - waiting;
  // What is claimed ahead covers a while: claiming again for a single free place would be a claim per subtask.
  const isWanted = limit > 0 && waiting <= ahead.least;
  // The rest of the room is for what is claimed ahead.
  const claiming = isWanted ? Math.min(room, limit) * slotsPerSubtask : 0;
  planning.planned += room * slotsPerSubtask - claiming;
  if (isWanted) {
    planning.requests.push({ taskId: task.id, limit, afterOrdinal: 0 });
    planning.leases.push(state.slots.keep(task.id, claiming));
  }
  if (room === 0) giveRoom(state, planning, task, effects);
}

function claim(state: NodeState, { requests, controls, hinted, leases }: Planning, effects: Effect[]): void {
  state.planning = null;
  if (state.isStopping || requests.length + controls.length + hinted.length === 0) {
    for (const lease of leases) lease.release();
    effects.push({ do: 'claiming-over', claimed: 0, error: null });
    return;
  }
  const made: Claim = { requests, controls, hinted, leases };
  state.claims.add(made);
  effects.push({ do: 'claim', claim: made });
}
