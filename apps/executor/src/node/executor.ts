import {
  addSummaries,
  isClaimable,
  isPlannedKind,
  nodeId,
  stopEffect,
  stopReasonOf,
  taskId,
  type Summary,
} from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import { controlHint, wakeHint, type TaskHint } from '@longshore/protocol';
import type { StopReason } from '@longshore/sdk';
import { startLoop, type ConfigOf, type ServiceContext, type WakeableLoop } from '@longshore/service';
import {
  claimSubtasks,
  readClaimableWork,
  readTaskForRunner,
  type ClaimedSubtask,
  type RunningTaskState,
  type Settlement,
} from '@longshore/store';
import { ThreadMetrics } from '@longshore/telemetry';
import { applyTaskChanges } from '../hosting/apply-task-changes.ts';
import type { AttemptSpans } from '../hosting/attempt-spans.ts';
import { ClaimsUnderWay } from '../claiming/claims-under-way.ts';
import { ClaimPlanner, type PlannedClaim } from '../claiming/claim-planner.ts';
import type { ExecutorMetrics } from './executor-metrics.ts';
import type { EXECUTOR_OPTIONS } from './executor-options.ts';
import type { Membership } from './membership.ts';
import { Reconciler } from './reconciler.ts';
import { ProgressSaver } from '../settling/progress-saver.ts';
import type { EndedRun, Run } from '../running/run.ts';
import type { RunnerPool } from '../hosting/runner-pool.ts';
import { SettlementQueue, type StepStart } from '../settling/settlement-queue.ts';
import { SlotManager } from '../running/slot-manager.ts';
import type { TaskWork } from '../running/task-work.ts';
import { TaskWorks } from '../running/task-works.ts';
import { within } from './within.ts';
import { WorkStarter } from '../claiming/work-starter.ts';

/**
 * How long a look for more work is put off that nothing asks for at once, in milliseconds: what has just been claimed or has ended is on
 * its way to the store then, and the look would be in its way.
 */
const LOOK_LATER_MS = 10;

/** How a task looks that has left for history. */
const GONE: RunningTaskState = { state: 'gone', revision: 0, isReserved: false, hasNodes: false, hasOthers: false };

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
  readonly #planner: ClaimPlanner;
  readonly #starter: WorkStarter;
  readonly #pool: RunnerPool;
  readonly #stop = new AbortController();
  readonly #loop: WakeableLoop;
  readonly #progress: ProgressSaver;
  readonly #claims = new ClaimsUnderWay();
  readonly #reconciler: Reconciler;
  /** Tasks that a message named: claimed for without looking for them first. */
  readonly #hinted = new Set<string>();
  #mustLookAtStates = true;
  #lookingLater: NodeJS.Timeout | undefined;
  #lookedAt = 0;
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
    this.#slots = new SlotManager(config.slots);
    this.#spans = spans;
    this.#pool = pool;
    this.#metrics = metrics;
    metrics.watchSlots(context.metrics, this.#slots);
    this.#works = new TaskWorks({
      store,
      nodeId: config.nodeId,
      logger,
      slots: this.#slots,
      pool,
      spans,
      threadMetrics: new ThreadMetrics(context.metrics, (metric, why) =>
        logger.warn({ metric, why }, 'a metric of a task type was refused'),
      ),
      abortGraceMs: config.abortGraceMs,
      onSettled: (work, ended) => this.#afterRuns(work, ended),
      onFreed: (task, slots) => this.#slots.release(task, slots),
      onTakenBack: (task) => this.#starter.startHeldOf(task),
      onProgress: (run) => {
        this.#progress.changed(run);
        this.#metrics.counted(run, this.#works.get(run.claimed.taskId)?.task.type);
      },
    });
    this.#planner = new ClaimPlanner(
      this.#slots,
      this.#works,
      (work, lane) => this.#starter.preempt(work, lane),
      (task, error) => logger.error({ error, task_id: task }, 'no runner could be started'),
    );
    this.#queue = new SettlementQueue({
      store,
      logger,
      identity: () => membership.identity,
      onGivenUp: (batch) => this.#spans.unwritten(batch),
      onWritten: (written, lost, start) => this.#afterWrite(written, lost, start),
    });
    const { signal } = this.#stop;
    this.#starter = new WorkStarter(
      {
        store,
        logger,
        membership,
        spans,
        slots: this.#slots,
        works: this.#works,
        queue: this.#queue,
        claims: this.#claims,
        isStopping: () => signal.aborted,
      },
      this.#planner,
    );
    this.#loop = startLoop({
      intervalMs: config.pollMs,
      round: () => this.#round(),
      onError: (error) => logger.warn({ error }, 'looking for work failed'),
      signal,
    });
    this.#progress = new ProgressSaver(context, membership, signal, (runs, lost) => this.#afterProgress(runs, lost));
    this.#reconciler = new Reconciler({
      store,
      logger,
      membership,
      claims: this.#claims,
      known: () => this.#known(),
      intervalMs: config.reconcileMs,
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
      this.#starter.handBack(work, reason);
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
    await Promise.all([this.#loop.done, this.#progress.done, this.#reconciler.done]);
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
    if (this.#membership.isCurrent && this.#hinted.size > 0 && (await this.#claimHinted())) {
      // It may leave room for others.
      this.#lookLater();
      return false;
    }
    if (this.#membership.isCurrent) await this.#claim();
    if (performance.now() - this.#lookedAt >= this.#context.config.pollMs) await this.#obeyStates();
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
    const requests = await this.#planner.planAll(claimable.tasks);
    const controls = this.#slots.fitting(claimable.controls).map((control) => control.id);
    if (requests.length > 0 || controls.length > 0) await this.#claimThese(requests, controls, []);
  }

  /** Claims for the tasks that messages named. Says whether there was anything. */
  async #claimHinted(): Promise<boolean> {
    // Each of a task's hooks is one subtask at a time.
    const tasks = [...this.#hinted].slice(0, this.#slots.freePlaces('shared'));
    this.#hinted.clear();
    const known = tasks.flatMap((id) => this.#works.get(id)?.task ?? []);
    const requests = await this.#planner.plan(known);
    return (await this.#claimThese(requests, [], tasks)) > 0;
  }

  async #claimThese(
    requests: readonly PlannedClaim[],
    controls: readonly string[],
    hinted: readonly string[],
  ): Promise<number> {
    const claimEnded = this.#claims.begin();
    try {
      return await this.#claimAndTake(requests, controls, hinted);
    } finally {
      claimEnded();
    }
  }

  async #claimAndTake(
    requests: readonly PlannedClaim[],
    controls: readonly string[],
    hinted: readonly string[],
  ): Promise<number> {
    let claimed: readonly ClaimedSubtask[];
    try {
      await faultPoint('claim.before');
      claimed = await claimSubtasks(this.#context.store.db, this.#membership.identity, requests, controls, hinted);
      if (claimed.length > 0) await faultPoint('claim.after-commit');
    } finally {
      // Nothing comes between this and the taking over of what was claimed, which may take the same slots and the same runner.
      this.#planner.claimEnded(requests);
    }
    for (const { taskId: task, limit } of requests) {
      const work = this.#works.get(task);
      if (work !== undefined) work.mayHaveMore = claimed.filter((one) => one.taskId === task).length >= limit;
    }
    this.#starter.takeWork(claimed);
    for (const subtask of claimed) if (!isPlannedKind(subtask.kind)) await this.#starter.takeControl(subtask);
    return claimed.length;
  }

  #afterRuns(work: TaskWork, ended: readonly EndedRun[]): void {
    for (const { run, settlement, time } of ended) {
      const { id, kind } = run.claimed;
      if (run.lane === null) this.#slots.releaseControl(kind);
      this.#progress.ended(run);
      this.#spans.ended(id, settlement === null, time);
      this.#metrics.counted(run, work.task.type);
      this.#metrics.ended(work.task.type, kind, time?.ranMs ?? performance.now() - run.startedAt, settlement);
    }
    this.#queue.add(
      ended.flatMap(({ settlement }) => (settlement === null ? [] : this.#starter.withClaim(work, settlement))),
    );
    // What has ended may be what a running subtask's new slots were waiting for.
    if (this.#planner.isGrowing) this.#mustLookAtStates = true;
    this.#starter.startHeldOf(work.task.id);
    if (work.wantsMore || this.#planner.keepsSlots) this.#loop.wake();
    else this.#lookLater();
    this.#reportIdle();
  }

  #reportIdle(): void {
    if (this.#whenIdle !== null && [...this.#works].every((work) => work.runs.size === 0)) this.#whenIdle();
  }

  #afterWrite(written: readonly Settlement[], lost: readonly Settlement[], start: StepStart): void {
    const { bus, logger } = this.#context;
    this.#starter.claimsEnded([...written, ...lost]);
    this.#afterStart(start);
    this.#spans.written(written, lost);
    this.#metrics.refused(lost.length);
    for (const { id, attempt, taskId: task } of lost) {
      logger.warn({ task_id: task, subtask_id: id, attempt }, 'a late result was refused');
    }
    for (const id of new Set(written.map((one) => one.taskId))) this.#announce(id);
    // The owner has something to decide when nothing more of a task runs here, or something ended badly.
    const isNews = written.some(
      (one) =>
        // A step that was started with the end of its plan leaves the owner nothing to do.
        !(one.kind === 'plan' && start.started.has(one.taskId)) &&
        (!isPlannedKind(one.kind) || one.how !== 'succeed' || this.#works.get(one.taskId)?.isBusy !== true),
    );
    if (isNews) bus.publish(bus.subjects.wakeOwner, {});
  }

  /** Planned steps are current: this node starts what it has claimed of them, the others are told. */
  #afterStart({ started, claimed }: StepStart): void {
    if (started.size === 0) return;
    const { bus, config } = this.#context;
    this.#starter.takeWork(claimed);
    for (const [id, nodes] of started) {
      for (const node of nodes) {
        if (node !== config.nodeId) bus.publish(bus.subjects.wakeNode(nodeId(node)), { tasks: [id] });
      }
      bus.publish(bus.subjects.taskEvents(taskId(id)), { kind: 'state' } satisfies TaskHint);
    }
    this.#loop.wake();
  }

  #announce(id: string, summary?: Summary): void {
    const { bus } = this.#context;
    const hint: TaskHint = { kind: 'progress', ...(summary !== undefined && { summary }) };
    bus.publish(bus.subjects.taskEvents(taskId(id)), hint);
  }

  /** What the subtasks of a task that run here count together. */
  #summaryOf(id: string): Summary {
    return addSummaries([...(this.#works.get(id)?.runs.values() ?? [])].map((run) => run.summary));
  }

  #lookLater(): void {
    if (this.#lookingLater !== undefined) return;
    this.#lookingLater = setTimeout(() => {
      this.#lookingLater = undefined;
      this.#loop.wake();
    }, LOOK_LATER_MS).unref();
  }

  #lookAtStates(): void {
    this.#mustLookAtStates = true;
    this.#loop.wake();
  }

  /**
   * Stops what its task doesn't want any more, tells what runs of changes, and gives back runners of tasks that are over. What may not
   * run again is not stopped for a pause.
   */
  async #obeyStates(): Promise<void> {
    this.#mustLookAtStates = false;
    this.#lookedAt = performance.now();
    const states = await this.#works.readStates();
    for (const work of [...this.#works]) {
      const { state, isReserved, hasNodes, hasOthers, revision } = states.get(work.task.id) ?? GONE;
      work.hasLeft = hasNodes && !isReserved;
      if (!isClaimable('work', state) || !isReserved) this.#starter.handBack(work, state);
      for (const run of work.runs.values()) {
        const reason = stopReasonOf(run.claimed.kind, state, hasOthers);
        const isStopped = reason !== null && stopEffect(reason, run.claimed.isIdempotent) !== 'not stopped';
        if (isStopped) work.abort(run, reason);
      }
      if (revision > work.task.revision && work.runner.isAlive) await this.#tellChanges(work);
      work.stopOverdue(this.#lookedAt);
    }
    // A clean-up may take its time, and keeps nothing else waiting.
    void this.#works.giveBackIdle(states, performance.now());
  }

  /** Until it has taken effect it is tried again with every look. */
  async #tellChanges(work: TaskWork): Promise<void> {
    const { store, logger } = this.#context;
    const fresh = await readTaskForRunner(store.db, work.task.id);
    if (fresh === null) return;
    try {
      const context = {
        slots: this.#slots,
        planner: this.#planner,
        memoryOf: (slots: number) => this.#pool.memoryOf(slots),
      };
      if (!(await applyTaskChanges(work, fresh, context))) return;
      this.#planner.grown(fresh.id);
      await this.#works.renew(fresh.id, fresh);
      this.#starter.startHeldOf(fresh.id);
    } catch (error) {
      logger.warn({ error, task_id: fresh.id }, 'what runs here could not take over a change yet');
    }
  }

  /** Ids of what this node has. */
  #known(): ReadonlySet<string> {
    const known = new Set(this.#queue.unwritten);
    for (const work of this.#works) {
      for (const id of work.runs.keys()) known.add(id);
      for (const { id } of work.held) known.add(id);
    }
    return known;
  }

  #afterProgress(runs: readonly Run[], lost: ReadonlySet<string>): void {
    for (const id of new Set(runs.map((run) => run.claimed.taskId))) this.#announce(id, this.#summaryOf(id));
    for (const run of runs) {
      const work = this.#works.get(run.claimed.taskId);
      // It may have ended meanwhile; what still runs and isn't ours is stopped.
      if (lost.has(run.claimed.id) && work?.runs.get(run.claimed.id) === run) work.abort(run, 'lost-lease');
    }
  }
}
