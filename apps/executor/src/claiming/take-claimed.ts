import { compareRank, isPlannedKind, runtimeSlotsOf, type ErrorData } from '@longshore/core';
import type { ClaimedSubtask, NodeIdentity, Settlement } from '@longshore/store';
import type { Effect } from '../node/effects.ts';
import type { NodeState } from '../node/node-state.ts';
import type { Lane } from '../running/lane.ts';
import type { LocalTask } from '../running/local-task.ts';
import type { Run } from '../running/run.ts';
import { handBack, handBackOf } from '../running/stop-runs.ts';
import { rankOf } from './claimable-task.ts';
import { promisedBefore } from './make-room.ts';
import { openTask } from './open-task.ts';
import type { Opened } from './opening.ts';

/** A hook whose runner could not be started is tried again after this, in milliseconds. */
const RUNNER_RETRY_MS = 2_000;

/** Takes over what a claim has brought, and starts what there is room for. */
export function takeClaimed(
  state: NodeState,
  rows: readonly ClaimedSubtask[],
  identity: NodeIdentity,
  then: Opened,
  at: number,
  effects: Effect[],
): void {
  for (const row of rows) {
    const run = state.runs.add(row, identity);
    if (!isPlannedKind(row.kind)) takeControl(state, run, then, at, effects);
  }
  const byTask = Map.groupBy(
    rows.filter((row) => isPlannedKind(row.kind)),
    (row) => row.taskId,
  );
  for (const [taskId, work] of byTask) {
    const hasSuspects = work.some((row) => row.crashes !== null);
    const local = state.tasks.get(taskId);
    if (local !== undefined) local.mayClaimAhead = !hasSuspects && work.every((row) => row.isIdempotent);
    // What came with the end of a plan goes back at once while this node stops: later nobody could say that it never began.
    if (state.isStopping) handBack(state, taskId, 'shutdown', effects);
    else if (!state.tasks.has(taskId)) handBack(state, taskId, 'no runner', effects);
    else startClaimed(state, taskId, then, at, effects);
    // When this process ends, what of suspects had begun must be known: none of them waits here.
    if (hasSuspects && local?.isAlive === true) handBack(state, taskId, 'no room', effects);
  }
}

function takeControl(state: NodeState, run: Run, then: Opened, at: number, effects: Effect[]): void {
  run.place = state.slots.takePlace(run.claimed.kind);
  openTask(state, run.claimed.taskId, run.claimed.task, { for: 'control', run }, then, at, effects);
}

/** A control subtask's task is open. */
export function controlOpened(run: Run, local: LocalTask, effects: Effect[]): void {
  if (run.claimed.kind === 'prepare') local.awaitsPrepared = true;
  if (run.state === 'claimed') effects.push({ do: 'prepare-control', run, task: local.task });
}

/** A control subtask could not be started: it is tried again soon. Its hook has not failed. */
export function controlFailed(state: NodeState, run: Run, error: ErrorData, effects: Effect[]): void {
  if (run.state !== 'claimed') return;
  const { id, attempt, taskId, kind } = run.claimed;
  const retry = { how: 'retry', error, afterMs: RUNNER_RETRY_MS } as const;
  endControl(state, run, { id, attempt, taskId, kind, rows: 0, bytes: 0, ...retry }, effects);
}

/** The task of a control subtask has left meanwhile: nobody wants what it was to do. */
export function controlGone(state: NodeState, run: Run, effects: Effect[]): void {
  if (run.state === 'claimed') endControl(state, run, handBackOf(run, 'its task has left'), effects);
}

function endControl(state: NodeState, run: Run, settlement: Settlement, effects: Effect[]): void {
  run.place?.release();
  state.runs.end(run, settlement);
  effects.push({ do: 'settle', settlements: [settlement] });
}

/** Starts control subtasks whose runner is there, unless an older attempt is still at it. */
export function startControls(state: NodeState, taskId: string, at: number, effects: Effect[]): void {
  const local = state.tasks.get(taskId);
  if (local === undefined) return;
  for (const run of state.runs.controlsOf(taskId)) {
    if (!run.isReady || state.runs.liveOf(taskId).has(run.claimed.id)) continue;
    state.runs.startControl(run, at);
    effects.push({ do: run.isAlone ? 'start-alone' : 'start-control', run, task: local.task });
  }
}

/**
 * Starts claimed work of all tasks while there is room, in rank order. A task may wait for slots that another one frees, and perhaps no
 * event of its own ever comes.
 */
export function startAllClaimed(state: NodeState, then: Opened, at: number, effects: Effect[]): void {
  if (state.slots.free <= 0) return;
  const waiting = [...state.tasks.values()].filter(({ task }) => state.runs.claimedOf(task.id) > 0);
  if (waiting.length > 1) waiting.sort((a, b) => compareRank(rankOf(a.task), rankOf(b.task)));
  for (const { task } of waiting) startClaimed(state, task.id, then, at, effects);
}

/**
 * Starts claimed work of a task while there is room: small subtasks in turns, spread over the lanes that are free. If the task's runner has
 * ended, the work goes on in a new one: it had no part in that end.
 */
export function startClaimed(state: NodeState, taskId: string, then: Opened, at: number, effects: Effect[]): void {
  const { runs, slots } = state;
  const local = state.tasks.get(taskId);
  if (local === undefined || runs.claimedOf(taskId) === 0 || state.isStopping) return;
  if (!local.isAlive) {
    openTask(state, taskId, null, { for: 'claimed work' }, then, at, effects);
    return;
  }
  const { task } = local;
  for (;;) {
    const waiting = runs.claimedOf(taskId);
    if (waiting === 0) return;
    if (at >= state.leaseEndsAt && runs.nextOf(taskId)?.claimed.isIdempotent === false) {
      // Somebody else may have it, or what undoes it, at any moment.
      handBack(state, taskId, 'lease overdue', effects);
      return;
    }
    const { slots: ofTask, slotsPerSubtask } = runtimeSlotsOf(task, runs.nextOf(taskId)?.claimed.step ?? null);
    const lanes = slots.capacityFor(taskId, ofTask, slotsPerSubtask, promisedBefore(state, task));
    if (lanes === 0) return;
    // Non-idempotent subtasks begin when they are handed over: afterwards nobody could say whether they did.
    const inTurn = local.mayClaimAhead ? Math.min(local.ahead.turn, Math.ceil(waiting / lanes)) : 1;
    const next = runs.takeNext(taskId, Math.max(1, inTurn));
    if (next.length === 0) return;
    state.promised.delete(taskId);
    const lane: Lane = {
      taskId,
      lease: slots.take(taskId, slotsPerSubtask),
      open: next.length,
      isTurn: next.length > 1,
      isClosed: false,
    };
    for (const run of next) runs.startWork(run, lane, at);
    const [first] = next;
    if (first?.isAlone === true) effects.push({ do: 'start-alone', run: first, task });
    else effects.push({ do: 'start-lane', lane, runs: next, task });
  }
}
