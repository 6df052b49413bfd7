import { runtimeSlotsOf } from '@longshore/core';
import type { TaskForRunner } from '@longshore/store';
import { freeFor, lanesOf } from '../claiming/make-room.ts';
import { renew } from '../claiming/open-task.ts';
import type { Opened } from '../claiming/opening.ts';
import { startClaimed } from '../claiming/take-claimed.ts';
import type { Effect } from '../node/effects.ts';
import type { NodeEvent } from '../node/events.ts';
import type { NodeState } from '../node/node-state.ts';
import type { Lane } from './lane.ts';
import type { LocalTask } from './local-task.ts';

/** A task has changed since its running subtasks were told. Every look tries to tell them again until the change has taken effect. */
export function beginChange(local: LocalTask, effects: Effect[]): void {
  if (local.changing !== null) return;
  local.changing = { fresh: null, steps: new Set() };
  effects.push({ do: 'read-change', taskId: local.task.id });
}

export function changeRead(
  state: NodeState,
  { taskId, fresh }: Extract<NodeEvent, { readonly kind: 'change-read' }>,
  effects: Effect[],
): void {
  const local = state.tasks.get(taskId);
  if (local?.changing == null) return;
  if (fresh === null || !local.isAlive) {
    local.changing = null;
    return;
  }
  local.changing.fresh = fresh;
  const isNewMeta = JSON.stringify(fresh.meta) !== JSON.stringify(local.told.meta);
  effects.push({ do: 'tell-task', fresh, isNewMeta });
}

/** What runs here knows the new meta and budget, or a hook threw. */
export function taskTold(
  state: NodeState,
  { taskId, error, at }: Extract<NodeEvent, { readonly kind: 'task-told' }>,
  then: Opened,
  effects: Effect[],
): void {
  const local = state.tasks.get(taskId);
  if (local?.changing == null) return;
  if (error !== null) notChanged(local, error, effects);
  else tellNextStep(state, local, then, at, effects);
}

/** A runner has answered a change of slots. */
export function slotsTold(
  state: NodeState,
  { taskId, resize, isConformed, error, at }: Extract<NodeEvent, { readonly kind: 'slots-told' }>,
  then: Opened,
  effects: Effect[],
): void {
  for (const { lane, more } of resize.lanes) {
    // What was over meanwhile has freed what it had before.
    if (!isConformed || lane.open === 0) more?.release();
    else if (more !== null) lane.lease.absorb(more);
    else lane.lease.resize(resize.wanted);
  }
  const local = state.tasks.get(taskId);
  if (local?.changing == null) return;
  local.changing.steps.add(resize.step);
  if (error !== null) notChanged(local, error, effects);
  else tellNextStep(state, local, then, at, effects);
}

function notChanged(local: LocalTask, error: unknown, effects: Effect[]): void {
  local.changing = null;
  const fields = { error, task_id: local.task.id };
  effects.push({ do: 'log', level: 'warn', message: 'what runs here could not take over a change yet', fields });
}

function tellNextStep(state: NodeState, local: LocalTask, then: Opened, at: number, effects: Effect[]): void {
  const fresh = local.changing?.fresh;
  if (fresh == null) return;
  const resize = nextResize(state, local, fresh);
  if (resize === null) {
    changed(state, local, fresh, then, at, effects);
    return;
  }
  const more = resize.lanes.reduce((sum, lane) => sum + Math.max(0, resize.wanted - lane.lease.slots), 0);
  const missing = more - state.slots.free;
  if (missing > 0) {
    // What runs goes on with what it has; subtasks that start later have what they should.
    if (freeFor(state, fresh, missing, effects)) local.changing = null;
    else changed(state, local, fresh, then, at, effects);
    return;
  }
  const lanes = resize.lanes.map((lane) => {
    const missingHere = resize.wanted - lane.lease.slots;
    return { lane, more: missingHere > 0 ? state.slots.take(fresh.id, missingHere) : null };
  });
  const { step, wanted } = resize;
  effects.push({ do: 'tell-slots', taskId: fresh.id, resize: { step, wanted, lanes } });
}

/**
 * The next step whose subtasks run with other slots than they should. Turns are left out: they are over before anything could be told to
 * them.
 */
function nextResize(
  state: NodeState,
  { task, changing }: LocalTask,
  fresh: TaskForRunner,
): { readonly step: string; readonly wanted: number; readonly lanes: readonly Lane[] } | null {
  const byStep = new Map<string, Lane[]>();
  for (const [lane, [first]] of lanesOf(state, task.id)) {
    if (first === undefined || lane.isTurn || changing?.steps.has(first.claimed.step) === true) continue;
    const lanes = byStep.get(first.claimed.step);
    if (lanes === undefined) byStep.set(first.claimed.step, [lane]);
    else lanes.push(lane);
  }
  for (const [step, all] of byStep) {
    const wanted = runtimeSlotsOf(fresh, step).slotsPerSubtask;
    const lanes = all.filter((lane) => lane.lease.slots !== wanted);
    if (lanes.length > 0) return { step, wanted, lanes };
  }
  return null;
}

/** All of a change has taken effect. */
function changed(
  state: NodeState,
  local: LocalTask,
  fresh: TaskForRunner,
  then: Opened,
  at: number,
  effects: Effect[],
): void {
  local.changing = null;
  local.told = fresh;
  state.growing.delete(fresh.id);
  if (fresh.version > local.task.version) renew(local, fresh, at);
  startClaimed(state, fresh.id, then, at, effects);
}
