import type { ErrorData } from '@longshore/core';
import { claimAnswered, claimFailed, unknownFound } from '../claiming/end-claim.ts';
import { checkIdleRunners, notOpened, runnerTaken, taskRead } from '../claiming/open-task.ts';
import type { Opened } from '../claiming/opening.ts';
import { beginPlanning, forgetPromises, openingSlow, planNotOpened, planOpened } from '../claiming/plan-claims.ts';
import {
  controlFailed,
  controlGone,
  controlOpened,
  startAllClaimed,
  startClaimed,
  startControls,
} from '../claiming/take-claimed.ts';
import { changeRead, slotsTold, taskTold } from '../running/change-task.ts';
import { obeyStates } from '../running/obey-states.ts';
import { progressed, progressDue, progressSaved, throttled } from '../running/progress.ts';
import { abort, abortAll, endOverlapping, graceOver, handBack, tookBack, turnOverdue } from '../running/stop-runs.ts';
import { endRuns, endsWritten } from '../settling/end-runs.ts';
import type { Effect } from './effects.ts';
import type { NodeEvent } from './events.ts';
import type { NodeState } from './node-state.ts';

/**
 * What follows from an event: changes the node's state and returns the effects, in order. It reads no clock and draws no number, so the
 * same events always have the same effects.
 *
 * @throws {LongshoreError} INTERNAL when a run would make a transition that there is none of: an error of this program.
 */
export function reduce(state: NodeState, event: NodeEvent): readonly Effect[] {
  const effects: Effect[] = [];
  switch (event.kind) {
    case 'hinted':
      for (const taskId of event.taskIds) state.hinted.add(taskId);
      effects.push({ do: 'look', when: 'now' });
      break;
    case 'claim-hinted':
      claimHinted(state, event.at, effects);
      break;
    case 'work-read': {
      const { tasks, at } = event;
      const controls = state.slots.fitting(event.controls).map((control) => control.id);
      const then = whenOpen(state, at, effects);
      forgetPromises(state);
      startAllClaimed(state, then, at, effects);
      beginPlanning(state, { tasks, controls, hinted: [] }, then, at, effects);
      break;
    }
    case 'claimed':
      claimAnswered(state, event, whenOpen(state, event.at, effects), effects);
      break;
    case 'claim-failed':
      claimFailed(state, event.claim, event.error, effects);
      break;
    case 'task-read':
      taskRead(state, event.taskId, event.task, whenOpen(state, event.at, effects), event.at, effects);
      break;
    case 'runner-taken':
      runnerTaken(state, event.task, event.runnerSlots, whenOpen(state, event.at, effects), event.at);
      break;
    case 'not-opened':
      notOpened(state, event.taskId, event.error, whenOpen(state, event.at, effects));
      break;
    case 'opening-slow':
      openingSlow(state, event, whenOpen(state, event.at, effects), event.at, effects);
      break;
    case 'control-ready':
      event.run.candidates = event.candidates;
      event.run.isReady = true;
      startControls(state, event.run.claimed.taskId, event.at, effects);
      break;
    case 'control-failed':
      controlFailed(state, event.run, event.error, effects);
      break;
    case 'ended':
      endRuns(state, event, whenOpen(state, event.at, effects), effects);
      break;
    case 'written':
      endsWritten(state, event, whenOpen(state, event.at, effects), effects);
      break;
    case 'progressed':
      progressed(state, event, effects);
      break;
    case 'progress-due':
      progressDue(state, effects);
      break;
    case 'progress-saved':
      progressSaved(state, event, effects);
      break;
    case 'throttled':
      throttled(state, event);
      break;
    case 'alive':
      event.run.aliveAt = event.at;
      break;
    case 'checkpointed':
      event.run.aliveAt = event.at;
      event.run.crashes = event.crashes;
      // The task has its slots elsewhere by now: a good moment to follow it.
      if (state.tasks.get(event.run.claimed.taskId)?.hasLeft === true && event.run.claimed.isIdempotent) {
        abort(state, event.run, 'move', effects);
      }
      break;
    case 'attempt-raised':
      event.run.attempt = event.attempt;
      break;
    case 'took-back':
      tookBack(state, event.lane, event.ids);
      break;
    case 'turn-overdue':
      turnOverdue(event.lane, event.at, effects);
      break;
    case 'start-claimed':
      startClaimed(state, event.taskId, whenOpen(state, event.at, effects), event.at, effects);
      break;
    case 'runner-lost': {
      const local = state.tasks.get(event.taskId);
      if (local !== undefined) local.isAlive = false;
      break;
    }
    case 'runner-checked': {
      const local = state.tasks.get(event.taskId);
      if (local !== undefined) local.isReusable = event.isReusable;
      break;
    }
    case 'abort':
      abort(state, event.run, event.reason, effects);
      break;
    case 'hand-back':
      handBack(state, event.taskId, event.reason, effects);
      break;
    case 'abort-all':
      abortAll(state, event, effects);
      break;
    case 'lease-renewed':
      state.leaseEndsAt = event.endsAt;
      break;
    case 'lease-spent':
      endOverlapping(state, effects);
      break;
    case 'grace-over':
      graceOver(state, event.run, effects);
      break;
    case 'stopping':
      state.isStopping = true;
      break;
    case 'states-read':
      obeyStates(state, event, effects);
      break;
    case 'unknown-found':
      unknownFound(state, event, effects);
      break;
    case 'change-read':
      changeRead(state, event, effects);
      break;
    case 'task-told':
      taskTold(state, event, whenOpen(state, event.at, effects), effects);
      break;
    case 'slots-told':
      slotsTold(state, event, whenOpen(state, event.at, effects), effects);
      break;
  }
  checkIdleRunners(state, effects);
  return effects;
}

/** Claims for tasks that messages named: each of a task's hooks is one subtask at a time. */
function claimHinted(state: NodeState, at: number, effects: Effect[]): void {
  const hinted = [...state.hinted].slice(0, state.slots.freePlaces('shared'));
  state.hinted.clear();
  const tasks = hinted.flatMap((id) => state.tasks.get(id)?.task ?? []);
  beginPlanning(state, { tasks, controls: [], hinted }, whenOpen(state, at, effects), at, effects);
}

/** How it goes on for whoever needed a task's runner. */
function whenOpen(state: NodeState, at: number, effects: Effect[]): Opened {
  const then: Opened = {
    opened: (local, waiter) => {
      if (waiter.for === 'planning') planOpened(state, local, then, at, effects);
      else if (waiter.for === 'control') controlOpened(waiter.run, local, effects);
      else startClaimed(state, local.task.id, then, at, effects);
    },
    gone: (waiter) => {
      if (waiter.for === 'planning') planNotOpened(state, waiter.taskId, then, at, effects);
      else if (waiter.for === 'control') controlGone(state, waiter.run, effects);
    },
    failed: (waiter, taskId, error: ErrorData) => {
      if (waiter.for === 'control') controlFailed(state, waiter.run, error, effects);
      else handBack(state, taskId, 'no runner', effects);
      if (waiter.for === 'planning') planNotOpened(state, waiter.taskId, then, at, effects);
    },
  };
  return then;
}
