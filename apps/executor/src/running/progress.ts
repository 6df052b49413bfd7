import { addSummaries } from '@longshore/core';
import type { Effect } from '../node/effects.ts';
import type { NodeEvent } from '../node/events.ts';
import type { NodeState } from '../node/node-state.ts';
import type { Run } from './run.ts';
import { abort } from './stop-runs.ts';

/** Runs tell how far they are. */
export function progressed(
  state: NodeState,
  { taskId, runs, at }: Extract<NodeEvent, { readonly kind: 'progressed' }>,
  effects: Effect[],
): void {
  const live = state.runs.liveOf(taskId);
  const counted: Run[] = [];
  for (const { runId, rows, bytes, kept, phase, waiting, isResting = false, summary } of runs) {
    const run = live.get(runId);
    if (run === undefined) continue;
    run.rows = rows;
    run.bytes = bytes;
    run.kept = kept ?? run.kept;
    run.phase = phase;
    run.waiting = waiting;
    run.isResting = isResting;
    run.isSilent = false;
    run.summary = summary;
    run.aliveAt = at;
    state.progressed.add(run);
    counted.push(run);
  }
  const type = state.tasks.get(taskId)?.task.type;
  if (type !== undefined && counted.length > 0) effects.push({ do: 'tell-counts', type, runs: counted });
}

/** Its budget or its gates keep a run waiting, or do so no more. */
export function throttled(
  state: NodeState,
  { taskId, runId, reason, at }: Extract<NodeEvent, { readonly kind: 'throttled' }>,
): void {
  const run = state.runs.liveOf(taskId).get(runId);
  if (run === undefined || (reason === null && run.throttled === null)) return;
  const isSame = reason !== null && run.throttled?.code === reason.code;
  run.aliveAt = at;
  run.throttled = reason === null ? null : { ...reason, since: isSame ? (run.throttled?.since ?? at) : at };
  state.progressed.add(run);
}

/** What runs have told since the last time is to be stored. */
export function progressDue(state: NodeState, effects: Effect[]): void {
  if (state.progressed.size === 0) return;
  effects.push({ do: 'save-progress', runs: [...state.progressed] });
  state.progressed.clear();
}

/** Progress is stored. What still runs and isn't this node's any more is stopped. */
export function progressSaved(
  state: NodeState,
  { runs, lost }: Extract<NodeEvent, { readonly kind: 'progress-saved' }>,
  effects: Effect[],
): void {
  for (const taskId of new Set(runs.map((run) => run.claimed.taskId))) {
    // What its subtasks that run here count together.
    const summary = addSummaries([...state.runs.liveOf(taskId).values()].map((run) => run.summary));
    effects.push({ do: 'announce', taskId, what: 'progress', summary });
  }
  for (const run of runs) if (lost.has(run.claimed.id)) abort(state, run, 'lost-lease', effects);
}
