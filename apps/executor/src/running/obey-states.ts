import { isClaimable, isTerminalTaskState, stopEffect, stopReasonOf } from '@longshore/core';
import type { RunningTaskState } from '@longshore/store';
import type { Effect } from '../node/effects.ts';
import type { NodeEvent } from '../node/events.ts';
import { isIdle, type NodeState } from '../node/node-state.ts';
import { beginChange } from './change-task.ts';
import type { LocalTask } from './local-task.ts';
import { abort, handBack, stopOverdue } from './stop-runs.ts';

/** How a task looks that has left for history. */
const GONE: RunningTaskState = {
  state: 'gone',
  revision: 0,
  isReserved: false,
  hasNodes: false,
  hasOthers: false,
  isForced: false,
};

/** How long a runner waits for more work of its task before it is given back, in milliseconds: longer than planning a step takes. */
const RUNNER_IDLE_MS = 5_000;

/**
 * Stops what its task doesn't want any more, tells running subtasks of changes, and gives back runners of tasks that are over. A pause
 * doesn't stop what may not run again.
 */
export function obeyStates(
  state: NodeState,
  { asked, states, at }: Extract<NodeEvent, { readonly kind: 'states-read' }>,
  effects: Effect[],
): void {
  for (const [id, local] of state.tasks) {
    if (!asked.has(id)) continue;
    const { state: now, isReserved, hasNodes, hasOthers, revision, isForced } = states.get(id) ?? GONE;
    local.hasLeft = hasNodes && !isReserved;
    local.isForced = isForced;
    if (!isClaimable('work', now) || !isReserved) handBack(state, id, now, effects);
    for (const run of state.runs.liveOf(id).values()) {
      const reason = stopReasonOf(run.claimed.kind, now, hasOthers);
      const isStopped = reason !== null && stopEffect(reason, run.claimed.isIdempotent) !== 'not stopped';
      if (isStopped) abort(state, run, reason, effects);
    }
    if (revision > local.told.revision && local.isAlive) beginChange(local, effects);
    stopOverdue(state, local, at, effects);
    if (isIdle(state, local) && isOver(local, states, at)) {
      state.tasks.delete(id);
      effects.push({ do: 'give-back-runner', task: local.task });
    }
  }
}

/** Whether a task that has nothing here is over, or has had nothing for so long that its runner is better with others. */
function isOver(
  { task, isAlive, idleSince }: LocalTask,
  states: ReadonlyMap<string, RunningTaskState>,
  at: number,
): boolean {
  const state = states.get(task.id)?.state;
  return state === undefined || isTerminalTaskState(state) || !isAlive || at - idleSince >= RUNNER_IDLE_MS;
}
