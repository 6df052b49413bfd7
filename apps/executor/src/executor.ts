import { isClaimable, nodeId, taskId, toErrorData, type NodeId } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import { controlHint, wakeHint, type TaskHint } from '@longshore/protocol';
import type { StopReason } from '@longshore/sdk';
import { startLoop, type ConfigOf, type ServiceContext, type WakeableLoop } from '@longshore/service';
import {
  claimSubtasks,
  readClaimableWork,
  releaseUnknown,
  saveProgress,
  type ClaimedSubtask,
  type ClaimRequest,
  type HeldProgress,
  type RunnableTask,
  type Settlement,
} from '@longshore/store';
import { ThreadMetrics } from '@longshore/telemetry';
import type { AttemptSpans } from './attempt-spans.ts';
import type { ExecutorMetrics } from './executor-metrics.ts';
import type { EXECUTOR_OPTIONS } from './executor-options.ts';
import type { Membership } from './membership.ts';
import type { EndedRun, Run } from './run.ts';
import type { RunnerPool } from './runner-pool.ts';
import { SettlementQueue } from './settlement-queue.ts';
import { SlotManager } from './slot-manager.ts';
import type { TaskWork } from './task-work.ts';
import { TaskWorks } from './task-works.ts';

/** Control subtasks at once: enough for a burst of small tasks, little enough memory. */
const CONTROL_PLACES = 4;
/** Tasks whose gates one node reads at once: a query or two a second each. */
const GATE_PLACES = 64;
/** The least time between two stores of progress, in milliseconds. */
const PROGRESS_MS = 1_000;
/** How often rows are given back that this node holds without knowing, in milliseconds. */
const RECONCILE_MS = 10_000;
/** A hook whose runner could not be started is tried again after this, in milliseconds. */
const RUNNER_RETRY_MS = 2_000;

export type ExecutorContext = ServiceContext<ConfigOf<typeof EXECUTOR_OPTIONS>>;

/** Claims this node's pending subtasks while it has slots, and runs them. */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #membership: Membership;
  readonly #slots: SlotManager;
  readonly #spans: AttemptSpans;
  readonly #metrics: ExecutorMetrics;
  readonly #queue: SettlementQueue;
  readonly #works: TaskWorks;
  readonly #stop = new AbortController();
  readonly #loop: WakeableLoop;
  readonly #progressLoop: WakeableLoop;
  readonly #changed = new Set<Run>();
  /** Tasks that a message named: claimed for without looking for them first. */
  readonly #hinted = new Set<string>();
  #mustLookAtStates = true;
  #lookedAt = 0;
  #reconciledAt = performance.now();
  #whenIdle: (() => void) | null = null;

  constructor(
    context: ExecutorContext,
    membership: Membership,
    pool: RunnerPool,
    spans: AttemptSpans,
    metrics: ExecutorMetrics,
  ) {
    const { store, bus, logger, config } = context;
    this.#context = context;
    this.#membership = membership;
    this.#slots = new SlotManager(config.slots, CONTROL_PLACES, GATE_PLACES);
    this.#spans = spans;
    this.#metrics = metrics;
    metrics.watchSlots(context.metrics, this.#slots);
    this.#works = new TaskWorks({
      store,
      nodeId: config.nodeId,
      logger,
      pool,
      spans,
      threadMetrics: new ThreadMetrics(context.metrics, (metric, why) =>
        logger.warn({ metric, why }, 'a metric of a task type was refused'),
      ),
      abortGraceMs: config.abortGraceMs,
      onSettled: (work, ended) => this.#afterRuns(work, ended),
      onFreed: (task, slots) => this.#slots.release(task, slots),
      onTakenBack: (task) => this.#startHeldOf(task),
      onProgress: (run) => void this.#changed.add(run),
    });
    this.#queue = new SettlementQueue({
      store,
      logger,
      identity: () => membership.identity,
      onGivenUp: (batch) => this.#spans.unwritten(batch),
      onWritten: (written, lost) => this.#afterWrite(written, lost),
    });
    const { signal } = this.#stop;
    this.#loop = startLoop({
      intervalMs: config.pollMs,
      round: () => this.#round(),
      onError: (error) => logger.warn({ error }, 'looking for work failed'),
      signal,
    });
    this.#progressLoop = startLoop({
      intervalMs: PROGRESS_MS,
      round: () => this.#saveProgress(),
      onError: (error) => logger.warn({ error }, 'progress could not be stored'),
      signal,
    });
    const id = nodeId(config.nodeId);
    bus.subscribe(bus.subjects.wakeNode(id), wakeHint, ({ tasks = [] }) => {
      for (const task of tasks) this.#hinted.add(task);
      this.#loop.wake();
    });
    bus.subscribe(bus.subjects.controlNode(id), controlHint, () => this.#lookAtStates());
    bus.onReconnect(() => this.#lookAtStates());
  }

  /** Asks everything that runs here, or a part of it, to end; what was not started yet goes back. */
  abortAll(reason: StopReason, which: (run: Run) => boolean = () => true): void {
    for (const work of this.#works) {
      this.#handBack(work, reason);
      for (const run of work.runs.values()) if (which(run)) work.abort(run, reason);
    }
  }

  /**
   * Hands back: claims nothing more, asks what can be run again to end, lets the rest finish, and waits for the results
   * to be written.
   *
   * @param limitMs how long to wait for what runs, in milliseconds.
   */
  async drain(limitMs: number): Promise<void> {
    this.#stop.abort();
    await this.#membership.drain().catch((error: unknown) => {
      this.#context.logger.warn({ error }, 'could not mark this node as draining');
    });
    await Promise.all([this.#loop.done, this.#progressLoop.done]);
    const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.abortAll('shutdown', (run) => run.claimed.isIdempotent);
    this.#reportIdle();
    await within(limitMs, idle);
    await within(limitMs, this.#queue.drained());
    await this.#works.close();
  }

  async #round(): Promise<boolean> {
    // A message said "look now", so look before anything else; the slow look comes after the claim, which shouldn't wait for it.
    if (this.#mustLookAtStates) await this.#obeyStates();
    // What was claimed by a hint may leave room for others: that is looked for in the next round.
    if (this.#membership.isCurrent && this.#hinted.size > 0 && (await this.#claimHinted())) return true;
    if (this.#membership.isCurrent) await this.#claim();
    if (performance.now() - this.#lookedAt >= this.#context.config.pollMs) await this.#obeyStates();
    await this.#reconcile();
    return false;
  }

  async #claim(): Promise<void> {
    if (this.#spans.isBehind) {
      // More would be lost: claimed when the collector has caught up, and everything else goes on.
      void this.#spans.room().then(() => this.#loop.wake());
      return;
    }
    const { store } = this.#context;
    const identity = this.#membership.identity;
    const claimable = await readClaimableWork(store.db, identity.id);
    const requests = await this.#claimRequests(claimable.tasks);
    const controls = [
      ...claimable.controls.slice(0, this.#slots.freeControls),
      ...claimable.gates.slice(0, this.#slots.freeGates),
    ];
    if (requests.length > 0 || controls.length > 0) await this.#claimThese(requests, controls, []);
  }

  /** Claims for the tasks that messages named. Says whether there was anything. */
  async #claimHinted(): Promise<boolean> {
    // Each of a task's hooks is one subtask at a time.
    const tasks = [...this.#hinted].slice(0, this.#slots.freeControls);
    this.#hinted.clear();
    const known = tasks.flatMap((id) => this.#works.get(id)?.task ?? []);
    const requests = await this.#claimRequests(known);
    return (await this.#claimThese(requests, [], tasks)) > 0;
  }

  async #claimThese(
    requests: readonly ClaimRequest[],
    controls: readonly string[],
    hinted: readonly string[],
  ): Promise<number> {
    await faultPoint('claim.before');
    const claimed = await claimSubtasks(this.#context.store.db, this.#membership.identity, requests, controls, hinted);
    await faultPoint('claim.after-commit');
    await this.#take(claimed);
    return claimed.length;
  }

  /**
   * How many subtasks of each task to claim, in rank order: what has room now, and what may be held ahead. Runners are made ready
   * before anything is claimed for them.
   */
  async #claimRequests(
    tasks: readonly Pick<RunnableTask, 'id' | 'slots' | 'slotsPerSubtask'>[],
  ): Promise<ClaimRequest[]> {
    const requests: ClaimRequest[] = [];
    let planned = 0;
    for (const task of tasks) {
      const work = await this.#works.open(task.id).catch((error: unknown) => {
        this.#context.logger.error({ error, task_id: task.id }, 'no runner could be started');
        return null;
      });
      if (work === null) continue;
      const room = this.#slots.capacityFor(task.id, task.slots, task.slotsPerSubtask, planned);
      planned += room * task.slotsPerSubtask;
      const ahead = work.mayHold ? work.ahead.allow(Math.floor(task.slots / task.slotsPerSubtask)) : 0;
      const limit = room + ahead - work.held.length;
      // What is held covers a while: claiming again for a single free place would be a claim per subtask.
      if (limit > 0 && work.held.length <= ahead / 2) requests.push({ taskId: task.id, limit, afterOrdinal: 0 });
    }
    return requests;
  }

  async #take(claimed: readonly ClaimedSubtask[]): Promise<void> {
    const tasks = new Set<string>();
    for (const subtask of claimed) {
      if (subtask.kind !== 'work') continue;
      const work = this.#works.get(subtask.taskId);
      if (work === undefined) continue;
      work.held.push(subtask);
      work.mayHold = subtask.isIdempotent;
      tasks.add(subtask.taskId);
    }
    for (const task of tasks) this.#startHeldOf(task);
    for (const subtask of claimed) if (subtask.kind !== 'work') await this.#takeControl(subtask);
  }

  async #takeControl(subtask: ClaimedSubtask): Promise<void> {
    this.#slots.takeControl(subtask.kind);
    try {
      const work = await this.#works.open(subtask.taskId, subtask.task);
      if (work !== null) this.#startControl(work, subtask);
      else this.#slots.releaseControl(subtask.kind);
    } catch (error) {
      this.#slots.releaseControl(subtask.kind);
      const { id, attempt, taskId: task, kind } = subtask;
      const retry = { how: 'retry', error: toErrorData(error), afterMs: RUNNER_RETRY_MS } as const;
      this.#queue.add([{ id, attempt, taskId: task, kind, rows: 0, bytes: 0, ...retry }]);
    }
  }

  #startControl(work: TaskWork, subtask: ClaimedSubtask): void {
    const reserved = work.task.reservedNodes as readonly NodeId[];
    const identity = this.#membership.identity;
    work.startControl(subtask, identity, reserved.length > 0 ? reserved : [nodeId(identity.id)]);
  }

  #startHeldOf(taskId: string): void {
    const work = this.#works.get(taskId);
    if (work === undefined || work.held.length === 0 || this.#stop.signal.aborted) return;
    if (work.runner.isAlive) this.#startHeld(work);
    else void this.#startAnew(work);
  }

  /** Goes on in a new runner with what was held for one that has ended; it had no part in that. */
  async #startAnew(work: TaskWork): Promise<void> {
    try {
      if ((await this.#works.open(work.task.id)) !== null) this.#startHeldOf(work.task.id);
    } catch (error) {
      this.#context.logger.error({ error, task_id: work.task.id }, 'no runner could be started');
      this.#handBack(work, 'no runner');
    }
  }

  /** Starts what is held while there is room: small subtasks in turns, spread over the lanes that are free. */
  #startHeld(work: TaskWork): void {
    const { id, slots, slotsPerSubtask } = work.task;
    for (;;) {
      const lanes = this.#slots.capacityFor(id, slots, slotsPerSubtask, 0);
      if (lanes === 0 || work.held.length === 0) return;
      this.#slots.take(id, slotsPerSubtask);
      // Non-idempotent subtasks begin when they are handed over: afterwards nobody could say whether they did.
      const inTurn = work.mayHold ? Math.min(work.ahead.turn, Math.ceil(work.held.length / lanes)) : 1;
      work.startHeld(inTurn, this.#membership.identity);
    }
  }

  #handBack(work: TaskWork, reason: string): void {
    const back = work.takeHeld();
    for (const claimed of back) this.#spans.handedBack(work.task, claimed, this.#membership.identity.id);
    this.#queue.add(
      back.map(({ id, attempt, taskId: task, kind }) => {
        return { id, attempt, taskId: task, kind, rows: 0, bytes: 0, how: 'hand-back', reason };
      }),
    );
  }

  #afterRuns(work: TaskWork, ended: readonly EndedRun[]): void {
    for (const { run, settlement, time } of ended) {
      const { id, kind } = run.claimed;
      if (run.lane === null) this.#slots.releaseControl(kind);
      this.#changed.delete(run);
      this.#spans.ended(id, settlement === null, time);
      this.#metrics.ended(work.task.type, kind, time?.ranMs ?? performance.now() - run.startedAt, settlement);
    }
    this.#queue.add(ended.flatMap(({ settlement }) => settlement ?? []));
    this.#startHeldOf(work.task.id);
    this.#loop.wake();
    this.#reportIdle();
  }

  #reportIdle(): void {
    if (this.#whenIdle !== null && [...this.#works].every((work) => work.runs.size === 0)) this.#whenIdle();
  }

  #afterWrite(written: readonly Settlement[], lost: readonly Settlement[]): void {
    const { bus, logger } = this.#context;
    this.#spans.written(written, lost);
    this.#metrics.refused(lost.length);
    for (const { id, attempt, taskId: task } of lost) {
      logger.warn({ task_id: task, subtask_id: id, attempt }, 'a late result was refused');
    }
    for (const id of new Set(written.map((one) => one.taskId))) this.#announce(id);
    // The owner has something to decide when nothing more of a task runs here, or something ended badly.
    const isNews = written.some(
      (one) => one.kind !== 'work' || one.how !== 'succeed' || this.#works.get(one.taskId)?.isBusy !== true,
    );
    if (isNews) bus.publish(bus.subjects.wakeOwner, {});
  }

  #announce(id: string): void {
    const { bus } = this.#context;
    bus.publish(bus.subjects.taskEvents(taskId(id)), { kind: 'progress' } satisfies TaskHint);
  }

  #lookAtStates(): void {
    this.#mustLookAtStates = true;
    this.#loop.wake();
  }

  /** Stops what its task doesn't want any more, and gives back runners of tasks that are over. */
  async #obeyStates(): Promise<void> {
    this.#mustLookAtStates = false;
    this.#lookedAt = performance.now();
    const states = await this.#works.readStates();
    for (const work of this.#works) {
      const state = states.get(work.task.id)?.state ?? 'gone';
      if (!isClaimable('work', state)) this.#handBack(work, 'cancel');
      for (const run of work.runs.values()) if (!isClaimable(run.claimed.kind, state)) work.abort(run, 'cancel');
    }
    await this.#works.giveBackIdle(states);
  }

  async #reconcile(): Promise<void> {
    if (!this.#membership.isCurrent || performance.now() - this.#reconciledAt < RECONCILE_MS) return;
    this.#reconciledAt = performance.now();
    const { store, logger } = this.#context;
    const known = [...this.#works].flatMap((work) => [...work.runs.keys(), ...work.held.map((one) => one.id)]);
    const released = await releaseUnknown(store.db, this.#membership.identity, [...known, ...this.#queue.unwritten]);
    if (released > 0) logger.warn({ released }, 'gave back subtasks that were claimed without our knowing');
  }

  async #saveProgress(): Promise<boolean> {
    const runs = [...this.#changed];
    this.#changed.clear();
    if (runs.length === 0) return false;
    const progress = runs.map((run) => ({
      id: run.claimed.id,
      attempt: run.attempt,
      rows: run.rows,
      bytes: run.bytes,
      phase: run.phase,
      waiting: waitingOf(run),
    }));
    const lost = new Set(await saveProgress(this.#context.store.db, this.#membership.identity, progress));
    for (const id of new Set(runs.map((run) => run.claimed.taskId))) this.#announce(id);
    for (const run of runs) {
      const work = this.#works.get(run.claimed.taskId);
      // It may have ended meanwhile; what still runs and isn't ours is stopped.
      if (lost.has(run.claimed.id) && work?.runs.get(run.claimed.id) === run) work.abort(run, 'lost-lease');
    }
    return false;
  }
}

/** What a run waits for: its budget and gates come before what its hook says. */
function waitingOf({ held, waiting }: Run): HeldProgress['waiting'] {
  if (held === null) return waiting;
  return { code: held.code, message: held.message, forMs: performance.now() - held.since };
}

/** Waits for a promise, but not longer than the limit. */
async function within(limitMs: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
