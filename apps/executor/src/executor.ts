import { isClaimable, isTerminalTaskState, nodeId, taskId, type NodeId } from '@longshore/core';
import { controlHint, wakeHint, type TaskHint } from '@longshore/protocol';
import type { StopReason } from '@longshore/sdk';
import { startLoop, type ServiceContext, type ConfigOf, type WakeableLoop } from '@longshore/service';
import {
  claimSubtasks,
  readClaimableWork,
  readTaskForRunner,
  readTaskStates,
  releaseUnknown,
  saveProgress,
  type ClaimRequest,
  type RunnableTask,
  type Settlement,
} from '@longshore/store';
import type { EXECUTOR_OPTIONS } from './executor-options.ts';
import type { Membership } from './membership.ts';
import type { RunnerPool } from './runner-pool.ts';
import { SettlementQueue } from './settlement-queue.ts';
import { SlotManager } from './slot-manager.ts';
import { TaskWork, type Run } from './task-work.ts';

/** Control subtasks at once: enough for a burst of small tasks, little enough memory. */
const CONTROL_PLACES = 4;
/** The least time between two stores of progress, in milliseconds. */
const PROGRESS_MS = 1_000;
/** How often rows are given back that this node holds without knowing. */
const RECONCILE_MS = 10_000;
/** How long a runner waits for more work of its task before it is given back, in milliseconds. */
const RUNNER_IDLE_MS = 5_000;

export type ExecutorContext = ServiceContext<ConfigOf<typeof EXECUTOR_OPTIONS>>;

/** Claims this node's pending subtasks while it has slots, and runs them. */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #membership: Membership;
  readonly #pool: RunnerPool;
  readonly #slots: SlotManager;
  readonly #queue: SettlementQueue;
  readonly #works = new Map<string, TaskWork>();
  readonly #idleSince = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #loop: WakeableLoop;
  readonly #progressLoop: WakeableLoop;
  readonly #changed = new Set<Run>();
  #reconciledAt = performance.now();
  #isDraining = false;

  constructor(context: ExecutorContext, membership: Membership, pool: RunnerPool) {
    this.#context = context;
    this.#membership = membership;
    this.#pool = pool;
    this.#slots = new SlotManager(context.config.slots, CONTROL_PLACES);
    this.#queue = new SettlementQueue({
      store: context.store,
      logger: context.logger,
      identity: () => membership.identity,
      onWritten: (written, lost) => this.#afterWrite(written, lost),
    });
    this.#loop = startLoop({
      intervalMs: context.config.pollMs,
      round: () => this.#round(),
      onError: (error) => context.logger.warn({ error }, 'looking for work failed'),
      signal: this.#stop.signal,
    });
    this.#progressLoop = startLoop({
      intervalMs: PROGRESS_MS,
      round: () => this.#saveProgress(),
      onError: (error) => context.logger.warn({ error }, 'progress could not be stored'),
      signal: this.#stop.signal,
    });
    const { bus } = context;
    const id = nodeId(context.config.nodeId);
    bus.subscribe(bus.subjects.wakeNode(id), wakeHint, () => this.#loop.wake());
    bus.subscribe(bus.subjects.controlNode(id), controlHint, () => this.#loop.wake());
    bus.onReconnect(() => this.#loop.wake());
  }

  /** Asks everything that runs here, or only what may not run twice, to end. */
  abortAll(reason: StopReason, which: (run: Run) => boolean = () => true): void {
    for (const work of this.#works.values()) {
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
    this.#isDraining = true;
    await this.#membership.drain().catch((error: unknown) => {
      this.#context.logger.warn({ error }, 'could not mark this node as draining');
    });
    this.#stop.abort();
    await Promise.all([this.#loop.done, this.#progressLoop.done]);
    this.abortAll('shutdown', (run) => run.claimed.isIdempotent);
    const deadline = performance.now() + limitMs;
    while ([...this.#works.values()].some((work) => work.runs.size > 0) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await Promise.race([this.#queue.drained(), new Promise((resolve) => setTimeout(resolve, limitMs).unref())]);
    await Promise.all([...this.#works.values()].map((work) => work.runner.terminate()));
    await this.#pool.close();
  }

  async #round(): Promise<boolean> {
    await this.#obeyStates();
    await this.#giveBackIdleRunners();
    if (this.#isDraining || !this.#membership.isCurrent) return false;
    await this.#reconcile();
    const { store } = this.#context;
    const identity = this.#membership.identity;
    const work = await readClaimableWork(store.db, identity.id);
    const requests = await this.#claimRequests(work.tasks);
    const controls = work.controls.slice(0, this.#slots.freeControls);
    const claimed = await claimSubtasks(store.db, identity, requests, controls);
    for (const subtask of claimed) {
      const task = await this.#workOf(subtask.taskId, subtask.kind !== 'work');
      if (subtask.kind === 'work') this.#slots.take(subtask.taskId, task.task.slotsPerSubtask);
      else this.#slots.takeControl();
      const nodes = task.task.reservedNodes.length > 0 ? (task.task.reservedNodes as NodeId[]) : [nodeId(identity.id)];
      task.start(subtask, identity, nodes);
    }
    return false;
  }

  /** How many subtasks of each task fit, in rank order; runners are made ready before anything is claimed for them. */
  async #claimRequests(tasks: readonly RunnableTask[]): Promise<ClaimRequest[]> {
    const requests: ClaimRequest[] = [];
    let planned = 0;
    for (const task of tasks) {
      const free = this.#slots.total - this.#slots.used - planned;
      const limit = Math.min(
        this.#slots.capacityFor(task.id, task.slots, task.slotsPerSubtask),
        Math.floor(free / task.slotsPerSubtask),
      );
      if (limit <= 0) continue;
      await this.#workOf(task.id, false);
      planned += limit * task.slotsPerSubtask;
      requests.push({ taskId: task.id, limit, afterOrdinal: 0 });
    }
    return requests;
  }

  /** This node's part of a task, with a runner; made on first need. A control subtask wants the task as it is now. */
  async #workOf(taskId: string, isFresh: boolean): Promise<TaskWork> {
    const known = this.#works.get(taskId);
    if (known?.runner.isAlive === true && !isFresh) return known;
    const task = await readTaskForRunner(this.#context.store.db, taskId);
    if (task === null) throw new Error(`task ${taskId} left for history while its subtask was claimed`);
    if (known?.runner.isAlive === true && known.task.version === task.version) return known;
    const runner = known?.runner.isAlive === true ? known.runner : await this.#pool.take(task.type, task.slots);
    const work = new TaskWork({
      task,
      runner,
      // Runs of the version before keep their slots and their runner; they settle through the new one.
      runs: known?.runs ?? new Map<string, Run>(),
      store: this.#context.store,
      logger: this.#context.logger.child({ task_id: taskId, node: this.#membership.identity.id }),
      abortGraceMs: this.#context.config.abortGraceMs,
      memoryBytes: this.#pool.memoryOf(task.slotsPerSubtask),
      onSettled: (run, settlement) => this.#afterRun(run, settlement),
      onProgress: (run) => void this.#changed.add(run),
    });
    this.#works.set(taskId, work);
    this.#idleSince.delete(taskId);
    return work;
  }

  #afterRun(run: Run, settlement: Settlement | null): void {
    if (run.claimed.kind === 'work') this.#slots.release(run.claimed.taskId, run.slots);
    else this.#slots.releaseControl();
    this.#changed.delete(run);
    if (settlement !== null) this.#queue.add(settlement);
    this.#loop.wake();
  }

  #afterWrite(written: readonly Settlement[], lost: readonly Settlement[]): void {
    const { bus, logger } = this.#context;
    for (const one of lost)
      logger.warn({ task_id: one.taskId, subtask_id: one.id, attempt: one.attempt }, 'a late result was refused');
    // The owner has something to decide when nothing more of a task runs here, or something ended badly.
    const tasks = new Set(written.map((one) => one.taskId));
    for (const id of tasks) bus.publish(bus.subjects.taskEvents(taskId(id)), { kind: 'progress' } satisfies TaskHint);
    const isNews = written.some(
      (one) => one.kind !== 'work' || one.how !== 'succeed' || (this.#works.get(one.taskId)?.runs.size ?? 0) === 0,
    );
    if (isNews) bus.publish(bus.subjects.wakeOwner, {});
    this.#loop.wake();
  }

  /** Stops what its task doesn't want any more: a message said "look now", or this is the slow look. */
  async #obeyStates(): Promise<void> {
    const active = [...this.#works].filter(([, work]) => work.runs.size > 0);
    const states = await readTaskStates(
      this.#context.store.db,
      active.map(([id]) => id),
    );
    for (const [id, work] of active) {
      const state = states.get(id) ?? 'gone';
      for (const run of work.runs.values()) {
        if (!isClaimable(run.claimed.kind, state)) work.abort(run, 'cancel');
      }
    }
  }

  /** Gives runners back whose task has had nothing here for a while, or is over. */
  async #giveBackIdleRunners(): Promise<void> {
    const idle = [...this.#works].filter(([, work]) => work.runs.size === 0);
    if (idle.length === 0) return;
    const states = await readTaskStates(
      this.#context.store.db,
      idle.map(([id]) => id),
    );
    for (const [taskId, work] of idle) {
      const since = this.#idleSince.get(taskId) ?? performance.now();
      this.#idleSince.set(taskId, since);
      const state = states.get(taskId);
      const isOver = state === undefined || isTerminalTaskState(state);
      if (!isOver && work.runner.isAlive && performance.now() - since < RUNNER_IDLE_MS) continue;
      this.#works.delete(taskId);
      this.#idleSince.delete(taskId);
      work.runner.endTask(taskId);
      await this.#pool.giveBack(work.runner, work.task.slots);
    }
    for (const [taskId, work] of this.#works) if (work.runs.size > 0) this.#idleSince.delete(taskId);
  }

  async #reconcile(): Promise<void> {
    if (performance.now() - this.#reconciledAt < RECONCILE_MS) return;
    this.#reconciledAt = performance.now();
    const known = [...this.#works.values()].flatMap((work) => [...work.runs.keys()]);
    const released = await releaseUnknown(this.#context.store.db, this.#membership.identity, [
      ...known,
      ...this.#queue.unwritten,
    ]);
    if (released > 0)
      this.#context.logger.warn({ released }, 'gave back subtasks that were claimed without our knowing');
  }

  async #saveProgress(): Promise<boolean> {
    const runs = [...this.#changed];
    this.#changed.clear();
    if (runs.length === 0) return false;
    const { store, bus } = this.#context;
    const lost = new Set(
      await saveProgress(
        store.db,
        this.#membership.identity,
        runs.map((run) => ({ id: run.claimed.id, attempt: run.claimed.attempt, rows: run.rows, bytes: run.bytes })),
      ),
    );
    for (const id of new Set(runs.map((run) => run.claimed.taskId))) {
      bus.publish(bus.subjects.taskEvents(taskId(id)), { kind: 'progress' } satisfies TaskHint);
    }
    for (const run of runs) {
      const work = this.#works.get(run.claimed.taskId);
      // It may have ended meanwhile; what still runs and isn't ours is stopped.
      if (lost.has(run.claimed.id) && work?.runs.get(run.claimed.id) === run) work.abort(run, 'lost-lease');
    }
    return false;
  }
}
