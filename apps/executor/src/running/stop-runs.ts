import type { StopReason } from '@longshore/sdk';
import type { Settlement } from '@longshore/store';
import type { Effect } from '../node/effects.ts';
import type { NodeEvent, WhichRuns } from '../node/events.ts';
import type { NodeState } from '../node/node-state.ts';
import { leaveLane, type Lane } from './lane.ts';
import type { LocalTask } from './local-task.ts';
import { isSilent, overdueError, stalledHookError } from './overdue-run.ts';
import type { Run } from './run.ts';

/**
 * Asks a run to end; a runner that doesn't listen is ended after the grace time. Nobody knows whether a run in a turn has begun. So the
 * turn ends first, and what had not begun needs no asking.
 */
export function abort({ runs }: NodeState, run: Run, reason: StopReason, effects: Effect[]): void {
  if (run.stopping !== null || !runs.isLive(run)) return;
  if (run.state === 'queued' && run.lane !== null) {
    closeTurn(run.lane, effects);
    effects.push({ do: 'again', event: { kind: 'abort', run, reason } });
    return;
  }
  run.stopping = reason;
  effects.push({ do: 'abort', run, reason });
}

/** Hands back what of a task's work has not started, and what its turns have not begun. */
export function handBack(state: NodeState, taskId: string, reason: string, effects: Effect[]): void {
  endUnstarted(state, taskId, 'work', reason, effects);
  if (closeTurns(state, taskId, effects)) effects.push({ do: 'again', event: { kind: 'hand-back', taskId, reason } });
}

/** Asks everything that is here, or a part of it, to end. What has not started goes back. */
export function abortAll(
  state: NodeState,
  event: Extract<NodeEvent, { readonly kind: 'abort-all' }>,
  effects: Effect[],
): void {
  let mustWait = false;
  for (const taskId of state.runs.tasks()) {
    endUnstarted(state, taskId, 'all', event.reason, effects);
    mustWait = closeTurns(state, taskId, effects) || mustWait;
  }
  if (mustWait) {
    effects.push({ do: 'again', event });
    return;
  }
  for (const taskId of state.runs.tasks()) {
    for (const run of state.runs.liveOf(taskId).values()) {
      if (isMeant(run, event.which)) abort(state, run, event.reason, effects);
    }
  }
  reportIdle(state, effects);
}

/** What a turn had not begun waits again; what it has begun runs to its end. */
export function tookBack(state: NodeState, lane: Lane, ids: readonly string[]): void {
  leaveLane(lane, state.runs.takeBack(lane, new Set(ids)));
}

/** A turn that is not over after several times what it should take gives back what it has not begun. */
export function turnOverdue(lane: Lane, at: number, effects: Effect[]): void {
  if (lane.open === 0 || lane.isClosed) return;
  closeTurn(lane, effects);
  effects.push({ do: 'again', event: { kind: 'start-claimed', taskId: lane.taskId, at } });
}

/**
 * Ends runners with hooks that may not overlap with others of their kind: what they were asked to stop for, or by when, counts no more. A
 * hook that was being stopped for another reason had longer than its node has now.
 */
export function endOverlapping(state: NodeState, effects: Effect[]): void {
  for (const taskId of state.runs.tasks()) {
    for (const run of state.runs.liveOf(taskId).values()) {
      if (!run.claimed.isIdempotent) graceOver(state, run, effects);
    }
  }
}

/** A hook that was asked to stop goes on: its runner is ended. What runs beside it had no part in that. */
export function graceOver(state: NodeState, run: Run, effects: Effect[]): void {
  if (!state.runs.isLive(run)) return;
  const { id, taskId } = run.claimed;
  effects.push({
    do: 'log',
    level: 'warn',
    message: 'a hook did not stop in time, ending its runner',
    fields: { task_id: taskId, subtask_id: id, reason: run.stopping },
  });
  if (run.isAlone) {
    effects.push({ do: 'end-alone', run });
    return;
  }
  for (const other of state.runs.liveOf(taskId).values()) {
    if (other.claimed.isIdempotent && !other.isAlone) other.stopping ??= 'move';
  }
  const local = state.tasks.get(taskId);
  if (local !== undefined) local.isAlive = false;
  effects.push({ do: 'end-runner', taskId });
}

/** Asks those of a task to end that took longer than it allows, and hooks that hang. */
export function stopOverdue(state: NodeState, { task, isForced }: LocalTask, at: number, effects: Effect[]): void {
  const patience = { hookStallMs: state.hookStallMs, isForced };
  for (const run of state.runs.liveOf(task.id).values()) {
    if (run.stopping !== null) continue;
    if (run.lane === null) {
      run.overdue = stalledHookError(run, patience, at);
      const silent = isSilent(run, patience, at);
      if (silent !== run.isSilent) state.progressed.add(run);
      run.isSilent = silent;
    } else {
      run.overdue = overdueError(run, task, at);
    }
    if (run.overdue !== null) abort(state, run, 'timeout', effects);
  }
}

/** Says that nothing runs here any more, once this node stops. */
export function reportIdle({ isStopping, runs }: NodeState, effects: Effect[]): void {
  if (isStopping && runs.live === 0) effects.push({ do: 'idle' });
}

function isMeant({ claimed }: Run, which: WhichRuns): boolean {
  return which === 'all' || claimed.isIdempotent === (which === 'idempotent');
}

function endUnstarted(
  state: NodeState,
  taskId: string,
  which: 'work' | 'all',
  reason: string,
  effects: Effect[],
): void {
  const settlements: Settlement[] = [];
  const back = state.runs.endUnstarted(taskId, which, (run) => {
    const settlement = handBackOf(run, reason);
    settlements.push(settlement);
    return settlement;
  });
  if (back.length === 0) return;
  for (const { place } of back) place?.release();
  const task = state.tasks.get(taskId)?.task ?? null;
  effects.push({ do: 'tell-handed-back', task, runs: back }, { do: 'settle', settlements });
}

/** @returns whether there was anything: what comes of it is known after the effects. */
function closeTurns({ runs }: NodeState, taskId: string, effects: Effect[]): boolean {
  let isWaiting = false;
  for (const run of runs.liveOf(taskId).values()) {
    if (run.state !== 'queued' || run.lane === null) continue;
    closeTurn(run.lane, effects);
    isWaiting = true;
  }
  return isWaiting;
}

/** As if it had not been claimed. */
export function handBackOf({ claimed: { id, attempt, taskId, kind } }: Run, reason: string): Settlement {
  return { id, attempt, taskId, kind, rows: 0, bytes: 0, how: 'hand-back', reason };
}

function closeTurn(lane: Lane, effects: Effect[]): void {
  if (lane.isClosed) return;
  lane.isClosed = true;
  effects.push({ do: 'take-back', lane });
}
