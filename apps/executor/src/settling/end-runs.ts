import { isPlannedKind, runtimeSlotsOf } from '@longshore/core';
import type { Settlement } from '@longshore/store';
import type { Claim } from '../claiming/claim.ts';
import { claimOver } from '../claiming/end-claim.ts';
import { promisedBefore } from '../claiming/make-room.ts';
import type { Opened } from '../claiming/opening.ts';
import { startAllClaimed, startClaimed, startControls, takeClaimed } from '../claiming/take-claimed.ts';
import type { Effect } from '../node/effects.ts';
import type { NodeEvent } from '../node/events.ts';
import { wantsMore, type NodeState } from '../node/node-state.ts';
import { leaveLane } from '../running/lane.ts';
import type { LocalTask } from '../running/local-task.ts';
import type { EndedRun, Run } from '../running/run.ts';
import { reportIdle } from '../running/stop-runs.ts';
import { settlementOf } from './settlement-of.ts';

type Ended = Extract<NodeEvent, { readonly kind: 'ended' }>;
type Written = Extract<NodeEvent, { readonly kind: 'written' }>;

/** Runs have come to their ends: their slots are free, what follows starts, and the ends are on their way to the store. */
export function endRuns(
  state: NodeState,
  { taskId, ends, hooks, mayClaim, at }: Ended,
  then: Opened,
  effects: Effect[],
): void {
  const local = state.tasks.get(taskId);
  if (local === undefined) return;
  const { runs } = state;
  const live = runs.liveOf(taskId);
  const ended: EndedRun[] = [];
  const settlements: Settlement[] = [];
  const { retry, pauseOn, gates } = local.task;
  const ending = { retry, pauseOn, gates, hooks };
  local.idleSince = at;
  for (const { runId, settled, time, summary, planned, chance } of ends) {
    const run = live.get(runId);
    if (run === undefined) continue;
    if (!run.isAlone) {
      local.isReusable = false;
      local.isBeingChecked = false;
    }
    const { lane } = run;
    run.summary = summary ?? run.summary;
    if (settled.ok && lane !== null) local.ahead.measured(time?.ranMs ?? at - run.startedAt);
    if (lane !== null) leaveLane(lane, 1);
    run.place?.release();
    const settlement = settlementOf(run, settled, ending, chance, planned);
    const written = settlement === null ? null : mayClaim ? withClaim(state, local, run, settlement) : settlement;
    runs.end(run, written);
    state.progressed.delete(run);
    ended.push({ run, settlement: written, time });
    if (written !== null) settlements.push(written);
  }
  effects.push({ do: 'tell-ends', task: local.task, ended, at });
  if (settlements.length > 0) effects.push({ do: 'settle', settlements });
  // What has ended may be what a running subtask's new slots were waiting for.
  if (state.growing.size > 0) effects.push({ do: 'look', when: 'states' });
  startControls(state, taskId, at, effects);
  startClaimed(state, taskId, then, at, effects);
  startAllClaimed(state, then, at, effects);
  const keepsSlots = state.promised.size > 0 || state.growing.size > 0;
  effects.push({ do: 'look', when: wantsMore(state, local) || keepsSlots ? 'now' : 'later' });
  reportIdle(state, effects);
}

/**
 * A plan whose step is started with its end brings its first subtasks along, as far as there is room for them here. With its settlement
 * a claim begins.
 */
function withClaim(state: NodeState, { task }: LocalTask, run: Run, settlement: Settlement): Settlement {
  const isStart = settlement.how === 'succeed' && settlement.startsStep === true;
  if (!isStart || state.isStopping) return settlement;
  const { slots, slotsPerSubtask } = runtimeSlotsOf(task, null);
  const limit = state.slots.capacityFor(task.id, slots, slotsPerSubtask, promisedBefore(state, task));
  const claim: Claim = {
    requests: [{ taskId: task.id, limit, afterOrdinal: 0 }],
    controls: [],
    hinted: [],
    leases: [state.slots.keep(task.id, limit * slotsPerSubtask)],
  };
  run.claim = claim;
  state.claims.add(claim);
  return { ...settlement, claim: limit };
}

/** Ends have been written, or refused, or given up: this node has their runs no longer, and the claims that went with them have ended. */
export function endsWritten(state: NodeState, event: Written, then: Opened, effects: Effect[]): void {
  const { written, lost, start, identity, at } = event;
  const claims: Claim[] = [];
  for (const settlement of [...written, ...lost]) {
    const run = state.runs.settled(settlement);
    if (run?.claim == null) continue;
    for (const lease of run.claim.leases) lease.release();
    claims.push(run.claim);
  }
  if (start.started.size > 0) takeStarted(state, event, then, effects);
  else takeClaimed(state, start.claimed, identity, then, at, effects);
  // Not before what they brought is known here.
  for (const claim of claims) claimOver(state, claim, effects);
  for (const { id, attempt, taskId } of lost) {
    const fields = { task_id: taskId, subtask_id: id, attempt };
    effects.push({ do: 'log', level: 'warn', message: 'a late result was refused', fields });
  }
  for (const taskId of new Set(written.map((one) => one.taskId))) {
    effects.push({ do: 'announce', taskId, what: 'progress' });
  }
  if (written.some((one) => isNews(state, one, start.started))) effects.push({ do: 'wake-owner' });
}

/** Planned steps are current: this node starts what it has claimed of them, the others are told. */
function takeStarted(state: NodeState, { start, identity, at }: Written, then: Opened, effects: Effect[]): void {
  takeClaimed(state, start.claimed, identity, then, at, effects);
  for (const [taskId, nodes] of start.started) {
    for (const nodeId of nodes) if (nodeId !== identity.id) effects.push({ do: 'wake-node', nodeId, taskId });
    effects.push({ do: 'announce', taskId, what: 'state' });
  }
  effects.push({ do: 'look', when: 'now' });
}

/** The owner has something to decide when nothing more of a task runs here, or something ended badly. */
function isNews({ runs }: NodeState, one: Settlement, started: ReadonlyMap<string, unknown>): boolean {
  // A step that was started with the end of its plan leaves the owner nothing to do.
  if (one.kind === 'plan' && started.has(one.taskId)) return false;
  return !isPlannedKind(one.kind) || one.how !== 'succeed' || !runs.isBusy(one.taskId);
}
