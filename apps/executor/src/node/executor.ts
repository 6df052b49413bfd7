import { nodeId, type LeaseEnding } from '@longshore/core';
import { controlHint, wakeHint } from '@longshore/protocol';
import {
  FailureLog,
  loggedRounds,
  startLoop,
  type ConfigOf,
  type ServiceContext,
  type WakeableLoop,
} from '@longshore/service';
import { isRowLocked, readClaimableWork, readTaskStates } from '@longshore/store';
import { ThreadMetrics } from '@longshore/telemetry';
import type { NodeGuard } from '../guard/node-guard.ts';
import type { AttemptSpans } from '../hosting/attempt-spans.ts';
import type { RunnerPool } from '../hosting/runner-pool.ts';
import { RunStarter } from '../hosting/start-runs.ts';
import { TaskHosts } from '../hosting/task-hosts.ts';
import { SlotLedger } from '../running/slot-ledger.ts';
import { SettlementQueue } from '../settling/settlement-queue.ts';
import { carryOut, type Outside } from './carry-out.ts';
import type { ExecutorMetrics } from './executor-metrics.ts';
import type { EXECUTOR_OPTIONS } from './executor-options.ts';
import type { Membership } from './membership.ts';
import { NodeLoop } from './node-loop.ts';
import { newNodeState } from './node-state.ts';
import { Reconciler } from './reconciler.ts';
import { within } from './within.ts';

/** The least time between two stores of progress, in milliseconds: one write a second for all of a node. */
const PROGRESS_MS = 1_000;

/**
 * How long a look for more work is put off when nothing is urgent, in milliseconds. Right after a claim or an end, its results are on their
 * way to the store, and the look would delay them.
 */
const LOOK_LATER_MS = 10;

export type ExecutorContext = ServiceContext<ConfigOf<typeof EXECUTOR_OPTIONS>>;

/**
 * Claims this node's pending subtasks while it has slots, and runs them. `reduce` decides. This class tells it of events: loops that look,
 * messages of the bus, runners, the store.
 */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #membership: Membership;
  readonly #spans: AttemptSpans;
  readonly #guard: NodeGuard;
  readonly #ending: LeaseEnding;
  readonly #node: NodeLoop;
  readonly #queue: SettlementQueue;
  readonly #hosts: TaskHosts;
  readonly #stop = new AbortController();
  readonly #loop: WakeableLoop;
  readonly #reconciler: Reconciler;
  readonly #others: readonly Promise<void>[];
  #claiming: PromiseWithResolvers<number> | null = null;
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
    guard: NodeGuard,
    ending: LeaseEnding,
  ) {
    this.#guard = guard;
    this.#ending = ending;
    const { store, bus, logger, config } = context;
    const { signal } = this.#stop;
    this.#context = context;
    this.#membership = membership;
    this.#spans = spans;
    const slots = new SlotLedger(config.slots, (error) => logger.error({ error }, 'slots are counted wrong'));
    metrics.watchSlots(context.metrics, slots);
    const node = new NodeLoop(
      newNodeState(slots, config.hookStallMs),
      (effect) => carryOut(effect, outside),
      (error, what) => logger.error({ error, what }, 'an event could not be taken in'),
    );
    this.#node = node;
    this.#queue = new SettlementQueue({
      store,
      logger,
      identity: () => membership.identity,
      onGivenUp: (batch) => spans.unwritten(batch),
      onWritten: (written, lost, start) => {
        spans.written(written, lost);
        metrics.refused(lost.length);
        // A try whose answer was lost may have written them, and have claimed what follows.
        if (lost.length > 0) this.#reconciler.lookSoon();
        const { identity } = membership;
        node.tell({ kind: 'written', written, lost, start, identity, at: performance.now() });
      },
    });
    this.#hosts = new TaskHosts({
      store,
      nodeId: config.nodeId,
      logger,
      pool,
      spans,
      threadMetrics: new ThreadMetrics(context.metrics, (metric, why) =>
        logger.warn({ metric, why }, 'a metric of a task type was refused'),
      ),
      abortGraceMs: config.abortGraceMs,
      find: (taskId, runId) => node.state.runs.liveOf(taskId).get(runId),
      isBusy: (taskId) => node.state.runs.isBusy(taskId),
      mayClaim: () => membership.isCurrent && !spans.isBehind,
      tell: node.tell,
    });
    const memoryOf = (count: number): number => pool.memoryOf(count);
    const outside: Outside = {
      store,
      bus,
      logger,
      membership,
      hosts: this.#hosts,
      starter: new RunStarter({ store, spans, memoryOf, tell: node.tell }),
      queue: this.#queue,
      spans,
      guard,
      metrics,
      savingProgress: new FailureLog(logger, 'storing progress'),
      memoryOf,
      abortGraceMs: config.abortGraceMs,
      tell: node.tell,
      look: (when) => this.#look(when),
      claimingOver: (claimed, error) => this.#claimingOver(claimed, error),
      idle: () => this.#whenIdle?.(),
    };
    this.#loop = startLoop({
      intervalMs: config.pollMs,
      signal,
      ...loggedRounds(logger, 'looking for work', () => this.#round()),
    });
    const progress = startLoop({
      intervalMs: PROGRESS_MS,
      signal,
      ...loggedRounds(logger, 'telling of progress', () => {
        node.tell({ kind: 'progress-due' });
        return Promise.resolve(false);
      }),
    });
    this.#reconciler = new Reconciler({ store, logger, membership, node, intervalMs: config.reconcileMs, signal });
    this.#others = [progress.done, this.#reconciler.done];
    const id = nodeId(config.nodeId);
    bus.subscribe(bus.subjects.wakeNode(id), wakeHint, ({ tasks = [] }) =>
      node.tell({ kind: 'hinted', taskIds: tasks }),
    );
    bus.subscribe(bus.subjects.controlNode(id), controlHint, () => this.#lookAtStates());
    bus.onReconnect(() => this.#lookAtStates());
  }

  /** The node's lease lasts until then, by `performance.now()`. */
  leaseRenewed(endsAt: number): void {
    this.#node.tell({ kind: 'lease-renewed', endsAt });
  }

  /**
   * Another registration has this node's work, or may soon have it: what runs here stops. What may not overlap is ended after a grace that
   * the lease's margin bounds, or at once where the others have the work already.
   */
  loseLease(which: 'all' | 'non-idempotent'): void {
    this.#node.tell({ kind: 'abort-all', reason: 'lost-lease', which });
    const { graceMs } = this.#ending;
    setTimeout(() => this.#node.tell({ kind: 'lease-spent' }), which === 'all' ? 0 : graceMs).unref();
  }

  /**
   * Hands everything back: claims nothing more, asks what may run again to end, lets the rest finish, and waits until the results are
   * written.
   *
   * @param limitMs how long to wait for what runs, in milliseconds.
   */
  async drain(limitMs: number): Promise<void> {
    this.#stop.abort();
    this.#guard.leave();
    this.#node.tell({ kind: 'stopping' });
    await this.#membership.drain().catch((error: unknown) => {
      this.#context.logger.warn({ error }, 'could not mark this node as draining');
    });
    await Promise.all([this.#loop.done, ...this.#others]);
    const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#node.tell({ kind: 'abort-all', reason: 'shutdown', which: 'idempotent' });
    await within(limitMs, idle);
    await within(limitMs, this.#queue.drained());
    await this.#hosts.close();
  }

  async #round(): Promise<boolean> {
    // A message said "look now", so look before anything else; the slow look comes after the claim, which shouldn't wait for it.
    if (this.#mustLookAtStates) await this.#obeyStates();
    const { hinted } = this.#node.state;
    if (this.#membership.isCurrent && hinted.size > 0 && (await this.#claimHinted()) > 0) {
      // It may leave room for others.
      this.#look('later');
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
    const work = await readClaimableWork(this.#context.store.db, this.#membership.identity.id);
    await this.#untilClaimed(() => this.#node.tell({ kind: 'work-read', ...work, at: performance.now() }));
  }

  #claimHinted(): Promise<number> {
    return this.#untilClaimed(() => this.#node.tell({ kind: 'claim-hinted', at: performance.now() }));
  }

  /** @returns how many were claimed. @throws what the claim threw. */
  #untilClaimed(begin: () => void): Promise<number> {
    this.#claiming = Promise.withResolvers<number>();
    const { promise } = this.#claiming;
    begin();
    return promise;
  }

  #claimingOver(claimed: number, error: unknown): void {
    const claiming = this.#claiming;
    this.#claiming = null;
    if (error === null) {
      claiming?.resolve(claimed);
      return;
    }
    // It may have been carried out, and only its answer was lost.
    if (!isRowLocked(error)) this.#reconciler.lookSoon();
    claiming?.reject(error);
  }

  #look(when: 'now' | 'later' | 'states'): void {
    if (when === 'states') this.#mustLookAtStates = true;
    else if (when === 'now') this.#loop.wake();
    else this.#lookLater();
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

  async #obeyStates(): Promise<void> {
    this.#mustLookAtStates = false;
    this.#lookedAt = performance.now();
    const { store, config } = this.#context;
    const asked = new Set(this.#node.state.tasks.keys());
    const states = await readTaskStates(store.db, config.nodeId, [...asked]);
    this.#node.tell({ kind: 'states-read', asked, states, at: this.#lookedAt });
  }
}
