import { hasCode, LongshoreError, runtimeSlotsOf, type ErrorData, type NodeId } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import type { HostCall, RunEnd, Runner, RunnerHost, RunProgress, RunSpec } from '@longshore/runner';
import type { JsonValue, StopReason } from '@longshore/sdk';
import {
  raiseAttempt,
  readPreviousSubtasks,
  saveCheckpoint,
  saveGates,
  type ClaimedSubtask,
  type NodeIdentity,
  type Store,
  type TaskForRunner,
} from '@longshore/store';
import type { Logger, Measurement, SpanData, ThreadMetrics } from '@longshore/telemetry';
import type { AttemptSpans } from '../hosting/attempt-spans.ts';
import type { Candidates } from '../claiming/candidates.ts';
import { HoldAhead } from '../claiming/hold-ahead.ts';
import type { Lane } from './lane.ts';
import { overdueError } from './overdue-run.ts';
import { PlanWriter } from '../hosting/plan-writer.ts';
import type { EndedRun, Run } from './run.ts';
import { checkStoredSize, settlementOf } from '../settling/settlement-of.ts';
import { TaskThrottle, type ThrottleReason } from '../hosting/task-throttle.ts';

export interface TaskWorkOptions {
  readonly task: TaskForRunner;
  readonly runner: Runner;
  /** The same task's work as it was read before a change: what it runs and holds is handed on. */
  readonly before: TaskWork | null;
  readonly store: Store;
  readonly nodeId: string;
  readonly spans: AttemptSpans;
  readonly threadMetrics: Pick<ThreadMetrics, 'take'>;
  readonly logger: Logger;
  readonly abortGraceMs: number;
  /** What slots buy, in bytes. */
  readonly memoryOf: (slots: number) => number;
  /** Takes over the ends of runs. */
  readonly onSettled: (ended: readonly EndedRun[]) => void;
  /** Slots of a lane are free again. */
  readonly onFreed: (slots: number) => void;
  /** Subtasks are held again that a turn was too slow for. */
  readonly onTakenBack: () => void;
  readonly onProgress: (run: Run) => void;
}

/** Previous subtasks that a hook gets at once. */
const PREVIOUS_PAGE = 500;

/**
 * A turn that is not over after this gives back what it has not begun, in milliseconds: several times what it should take, so that a
 * long subtask among short ones keeps none of them waiting.
 */
const LONGEST_TURN_MS = 50;

/** What this node runs of one task: its runner and the subtasks in it. */
export class TaskWork implements RunnerHost {
  readonly task: TaskForRunner;
  readonly runner: Runner;
  /** What runs, by subtask id. */
  readonly runs: Map<string, Run>;
  /** Claimed and not started yet, in order. Takes no slots. */
  readonly held: ClaimedSubtask[];
  readonly ahead: HoldAhead;
  /** When it last ran something, by the monotonic clock. */
  idleSince = performance.now();
  /** Whether the last subtask that was claimed may be held ahead: non-idempotent ones never are. */
  mayHold: boolean;
  /** Whether its task has slots on other nodes and none here. */
  hasLeft = false;
  /** Whether the last claim got all that it asked for, so that there may be more. */
  mayHaveMore: boolean;
  readonly throttle: TaskThrottle;
  readonly #options: TaskWorkOptions;

  constructor(options: TaskWorkOptions) {
    this.task = options.task;
    this.runner = options.runner;
    this.runs = options.before?.runs ?? new Map<string, Run>();
    this.held = options.before?.held ?? [];
    this.ahead = options.before?.ahead ?? new HoldAhead();
    this.mayHold = options.before?.mayHold ?? false;
    this.mayHaveMore = options.before?.mayHaveMore ?? true;
    this.#options = options;
    this.runner.host = this;
    // What waits in it goes on waiting when the task is read anew.
    this.throttle =
      options.before?.throttle ??
      new TaskThrottle({
        store: options.store,
        logger: options.logger,
        taskId: this.task.id,
        nodeId: options.nodeId,
        limits: this.task.throttle ?? {},
        hasGates: this.task.gates.length > 0,
        onWaiting: (subtaskId, reason) => {
          options.spans.waits(subtaskId, reason);
          this.#hold(subtaskId, reason);
        },
      });
  }

  /** Whether it is time to claim more of it. */
  get wantsMore(): boolean {
    return this.mayHaveMore && this.held.length <= this.ahead.least;
  }

  get isBusy(): boolean {
    return this.runs.size > 0 || this.held.length > 0;
  }

  /** Starts a claimed control subtask in the runner. */
  startControl(
    claimed: ClaimedSubtask,
    identity: NodeIdentity,
    nodes: readonly NodeId[],
    candidates: Candidates | null,
  ): void {
    const plan = claimed.kind === 'plan' ? new PlanWriter(this.#options.store, identity, claimed, nodes) : null;
    this.#enter(claimed, identity, { plan, candidates, lane: null });
    const spec = this.#specOf(claimed, identity, this.#task(), nodes.length);
    this.runner.start(candidates === null ? spec : { ...spec, candidates: candidates.nodes });
  }

  /** Starts the next of the held subtasks in a lane of their own: one, or as many small ones as make up a turn. */
  startHeld(count: number, identity: NodeIdentity): void {
    const turn = this.held.splice(0, Math.max(1, count));
    const task = this.#task();
    const specs = turn.map((claimed) => this.#specOf(claimed, identity, task, 0));
    const [first] = specs;
    if (first === undefined) return;
    const lane: Lane =
      specs.length === 1
        ? { slots: this.#slotsOf(first.step), open: 1, turn: null, timer: undefined }
        : this.#openTurn(specs);
    for (const claimed of turn) this.#enter(claimed, identity, { plan: null, candidates: null, lane });
    if (lane.turn === null) this.runner.start(first);
  }

  /** Slots of one subtask of a step. */
  #slotsOf(step: string): number {
    return runtimeSlotsOf(this.task, step).slotsPerSubtask;
  }

  /** Its lanes that are open, with what runs in each. */
  lanes(): ReadonlyMap<Lane, readonly Run[]> {
    const lanes = new Map<Lane, Run[]>();
    for (const run of this.runs.values()) {
      if (run.lane === null) continue;
      const runs = lanes.get(run.lane);
      if (runs === undefined) lanes.set(run.lane, [run]);
      else runs.push(run);
    }
    return lanes;
  }

  #openTurn(specs: readonly RunSpec[]): Lane {
    const lane: Lane = {
      slots: this.#slotsOf(specs[0]?.step ?? ''),
      open: specs.length,
      turn: this.runner.startTurn(specs),
      timer: setTimeout(() => {
        this.#takeBack(lane);
        this.#options.onTakenBack();
      }, LONGEST_TURN_MS).unref(),
    };
    return lane;
  }

  /** Holds again what a lane has not begun. */
  #takeBack(lane: Lane): void {
    clearTimeout(lane.timer);
    const runs = (lane.turn?.takeBack() ?? []).flatMap((id) => this.runs.get(id) ?? []);
    for (const { claimed } of runs) {
      this.runs.delete(claimed.id);
      this.#options.spans.takenBack(claimed.id);
    }
    this.held.unshift(...runs.map((run) => run.claimed));
    this.#leave(lane, runs.length);
  }

  #leave(lane: Lane, count: number): void {
    if (count === 0) return;
    lane.open -= count;
    if (lane.open > 0) return;
    clearTimeout(lane.timer);
    this.#options.onFreed(lane.slots);
  }

  #enter(claimed: ClaimedSubtask, identity: NodeIdentity, how: Pick<Run, 'plan' | 'candidates' | 'lane'>): void {
    this.runs.set(claimed.id, {
      attempt: claimed.attempt,
      claimed,
      identity,
      stopping: null,
      overdue: null,
      rows: 0,
      bytes: 0,
      phase: null,
      summary: {},
      waiting: null,
      held: null,
      ...how,
      startedAt: performance.now(),
      aliveAt: performance.now(),
    });
  }

  /** The task as its hooks see it; one object for all subtasks of a turn, so that it is sent once. */
  #task(): RunSpec['task'] {
    const { id, key, type, typeVersion, meta, step, slots } = this.task;
    return { id, key, type, typeVersion, meta, step, slots };
  }

  #specOf(claimed: ClaimedSubtask, identity: NodeIdentity, task: RunSpec['task'], nodeCount: number): RunSpec {
    const { throttle, gates, modification } = this.task;
    const slots = this.#slotsOf(claimed.step);
    return {
      runId: claimed.id,
      kind: claimed.kind,
      attempt: claimed.attempt,
      task,
      step: claimed.step,
      ordinal: claimed.ordinal,
      meta: claimed.meta as JsonValue,
      checkpoint: claimed.checkpoint as JsonValue,
      resource: { slots, memoryBytes: this.#options.memoryOf(slots) },
      nodeCount,
      isThrottled: throttle !== null || gates.length > 0,
      gates: claimed.kind === 'gates' ? gates : [],
      changes: claimed.kind === 'modify' ? (modification?.changes.meta ?? {}) : undefined,
      trace: this.#options.spans.started(this.task, claimed, identity.id),
    };
  }

  /**
   * Asks a run to end; a runner that doesn't listen is ended after the grace time. One that is in a turn and has not begun is held
   * again instead.
   */
  abort(run: Run, reason: StopReason): void {
    if (run.stopping !== null) return;
    if (run.lane !== null) this.#takeBack(run.lane);
    if (this.runs.get(run.claimed.id) !== run) return;
    run.stopping = reason;
    this.throttle.leave(run.claimed.id);
    this.runner.abort(run.claimed.id, reason);
    setTimeout(() => {
      if (!this.runs.has(run.claimed.id)) return;
      this.#options.logger.warn(
        { subtask_id: run.claimed.id, reason },
        'a hook did not stop in time, ending its runner',
      );
      // What runs beside it had no part in that.
      for (const other of this.runs.values()) if (other.claimed.isIdempotent) other.stopping ??= 'move';
      void this.runner.terminate();
    }, this.#options.abortGraceMs).unref();
  }

  /** Asks those to end that took longer than their task allows. */
  stopOverdue(now: number): void {
    const { subtaskTimeoutMs, stallTimeoutMs } = this.task;
    if (subtaskTimeoutMs === null && stallTimeoutMs === null) return;
    for (const run of this.runs.values()) {
      if (run.lane === null || run.stopping !== null) continue;
      run.overdue = overdueError(run, this.task, now);
      if (run.overdue !== null) this.abort(run, 'timeout');
    }
  }

  #hold(subtaskId: string, reason: ThrottleReason | null): void {
    const run = this.runs.get(subtaskId);
    if (run === undefined || (reason === null && run.held === null)) return;
    const isSame = reason !== null && run.held?.code === reason.code;
    run.aliveAt = performance.now();
    run.held = reason === null ? null : { ...reason, since: isSame ? (run.held?.since ?? 0) : performance.now() };
    this.#options.onProgress(run);
  }

  /** Takes back what was claimed and has not begun, for the caller to hand back. */
  takeHeld(): ClaimedSubtask[] {
    for (const lane of new Set([...this.runs.values()].map((run) => run.lane))) if (lane !== null) this.#takeBack(lane);
    return this.held.splice(0);
  }

  async call(runId: string, call: HostCall): Promise<unknown> {
    const run = this.runs.get(runId);
    if (run === undefined) throw new LongshoreError('STATE_CONFLICT', `subtask ${runId} does not run here any more`);
    const { store } = this.#options;
    switch (call.method) {
      case 'checkpoint':
        checkStoredSize(call.value, `the checkpoint of subtask ${runId}`);
        if (await saveCheckpoint(store.db, run.identity, { id: runId, attempt: run.attempt }, call.value)) {
          run.aliveAt = performance.now();
          // The task has its slots elsewhere by now: a good moment to follow it.
          if (this.hasLeft && run.claimed.isIdempotent) this.abort(run, 'move');
          return null;
        }
        this.abort(run, 'lost-lease');
        throw new LongshoreError('STATE_CONFLICT', `subtask ${runId} was given to another node`);
      case 'plan-start':
      case 'plan-page':
        return this.#writePlan(run, call);
      case 'plan-placement':
        return run.plan?.place(call.placement, run.candidates?.nodes ?? []) ?? null;
      case 'raise-attempt': {
        const attempt = await raiseAttempt(store.db, run.identity, { id: runId, attempt: run.attempt }, call.past);
        if (attempt !== null) run.attempt = attempt;
        return attempt;
      }
      case 'throttle':
        await this.throttle.ask(runId, call.cost, call.isBatch);
        return null;
      case 'gates':
        if (await saveGates(store.db, run.identity, { id: runId, attempt: run.attempt }, call.readings)) return null;
        this.abort(run, 'lost-lease');
        throw new LongshoreError('STATE_CONFLICT', `subtask ${runId} was given to another node`);
      case 'previous':
        return readPreviousSubtasks(store.db, this.task.id, call.step, call.afterOrdinal, PREVIOUS_PAGE);
    }
  }

  async #writePlan(run: Run, call: Extract<HostCall, { method: 'plan-start' | 'plan-page' }>): Promise<null> {
    try {
      if (call.method === 'plan-start') await run.plan?.begin(call.step);
      else await run.plan?.write(call.page);
      await faultPoint('plan.page-after-commit');
      return null;
    } catch (error) {
      // Cancelled, or held by somebody else: the settlement finds out which.
      if (hasCode(error, 'STATE_CONFLICT')) this.abort(run, 'cancel');
      throw error;
    }
  }

  progress(runs: readonly RunProgress[]): void {
    for (const { runId, rows, bytes, phase, waiting, summary } of runs) {
      const run = this.runs.get(runId);
      if (run === undefined) continue;
      run.rows = rows;
      run.bytes = bytes;
      run.phase = phase;
      run.waiting = waiting;
      run.summary = summary;
      run.aliveAt = performance.now();
      this.#options.onProgress(run);
    }
  }

  spans(runId: string, spans: readonly SpanData[]): void {
    this.#options.spans.took(runId, spans);
  }

  measured(measurements: readonly Measurement[]): void {
    this.#options.threadMetrics.take(measurements);
  }

  settled(ends: readonly RunEnd[]): void {
    const ended: EndedRun[] = [];
    this.idleSince = performance.now();
    for (const { runId, settled, time, summary } of ends) {
      const run = this.runs.get(runId);
      if (run === undefined) continue;
      this.runs.delete(runId);
      run.summary = summary ?? run.summary;
      this.throttle.leave(runId);
      if (settled.ok && run.lane !== null) this.ahead.measured(time?.ranMs ?? this.idleSince - run.startedAt);
      ended.push({
        run,
        settlement: settlementOf(run, settled, { ...this.task, hooks: this.runner.type.hooks }),
        time,
      });
      if (run.lane !== null) this.#leave(run.lane, 1);
    }
    this.#options.onSettled(ended);
  }

  log(
    runId: string,
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const run = this.runs.get(runId);
    this.#options.logger[level]({ ...fields, subtask_id: runId, attempt: run?.attempt }, message);
  }

  crashed(error: ErrorData): void {
    this.#options.logger.warn({ error }, 'a runner ended');
  }
}
