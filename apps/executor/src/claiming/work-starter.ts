import { isPlannedKind, nodeId, runtimeSlotsOf, toErrorData, type NodeId } from '@longshore/core';
import type { ClaimedSubtask, Settlement, Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import type { AttemptSpans } from '../hosting/attempt-spans.ts';
import type { ClaimsUnderWay } from './claims-under-way.ts';
import { candidatesFor, type Candidates } from './candidates.ts';
import { rankOf, type ClaimPlanner } from './claim-planner.ts';
import type { Lane } from '../running/lane.ts';
import type { Membership } from '../node/membership.ts';
import type { SettlementQueue } from '../settling/settlement-queue.ts';
import type { SlotManager } from '../running/slot-manager.ts';
import type { TaskWork } from '../running/task-work.ts';
import type { TaskWorks } from '../running/task-works.ts';

/** A hook whose runner could not be started is tried again after this, in milliseconds. */
const RUNNER_RETRY_MS = 2_000;

export interface WorkStarterOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly membership: Membership;
  readonly slots: SlotManager;
  readonly works: TaskWorks;
  readonly spans: AttemptSpans;
  readonly queue: SettlementQueue;
  readonly claims: ClaimsUnderWay;
  /** Whether this node takes nothing new any more. */
  readonly isStopping: () => boolean;
}

/** Starts what this node has claimed while there are slots for it, and gives back what it has not started. */
export class WorkStarter {
  readonly #options: WorkStarterOptions;
  readonly #planner: ClaimPlanner;
  /** Slots that are kept for what the ends of plans bring along, by the plans' ids. */
  readonly #claims = new Map<string, { readonly slots: number; readonly ended: () => void }>();

  constructor(options: WorkStarterOptions, planner: ClaimPlanner) {
    this.#options = options;
    this.#planner = planner;
  }

  /** Takes over claimed work, and starts what there is room for. */
  takeWork(claimed: readonly ClaimedSubtask[]): void {
    const tasks = new Set<string>();
    for (const subtask of claimed) {
      if (!isPlannedKind(subtask.kind)) continue;
      const work = this.#options.works.get(subtask.taskId);
      if (work === undefined) continue;
      work.held.push(subtask);
      work.mayHold = subtask.isIdempotent;
      tasks.add(subtask.taskId);
    }
    for (const task of tasks) {
      const work = this.#options.works.get(task);
      // Claimed with the end of a plan while this node was told to stop: nobody could say of it later that it never began.
      if (work !== undefined && this.#options.isStopping()) this.handBack(work, 'shutdown');
      else this.startHeldOf(task);
    }
  }

  /** Starts a claimed control subtask, in a runner that is opened for it if need be. */
  async takeControl(subtask: ClaimedSubtask): Promise<void> {
    this.#options.slots.takeControl(subtask.kind);
    this.#options.slots.claimBegins(subtask.taskId, 0);
    try {
      const work = await this.#options.works.open(subtask.taskId, subtask.task);
      if (work !== null)
        this.#startControl(work, subtask, await candidatesFor(this.#options.store.db, subtask.kind, work));
      else this.#options.slots.releaseControl(subtask.kind);
    } catch (error) {
      this.#options.slots.releaseControl(subtask.kind);
      const { id, attempt, taskId: task, kind } = subtask;
      const retry = { how: 'retry', error: toErrorData(error), afterMs: RUNNER_RETRY_MS } as const;
      this.#options.queue.add([{ id, attempt, taskId: task, kind, rows: 0, bytes: 0, ...retry }]);
    } finally {
      this.#options.slots.claimEnds(subtask.taskId, 0);
    }
  }

  #startControl(work: TaskWork, subtask: ClaimedSubtask, candidates: Candidates | null): void {
    const reserved = work.task.reservedNodes as readonly NodeId[];
    const identity = this.#options.membership.identity;
    work.startControl(subtask, identity, reserved.length > 0 ? reserved : [nodeId(identity.id)], candidates);
  }

  /** Starts what is held of a task while there is room. */
  startHeldOf(taskId: string): void {
    const work = this.#options.works.get(taskId);
    if (work === undefined || work.held.length === 0 || this.#options.isStopping()) return;
    if (work.runner.isAlive) this.#startHeld(work);
    else void this.#startAnew(work);
  }

  /** Goes on in a new runner with what was held for one that has ended; it had no part in that. */
  async #startAnew(work: TaskWork): Promise<void> {
    try {
      if ((await this.#options.works.open(work.task.id)) !== null) this.startHeldOf(work.task.id);
    } catch (error) {
      this.#options.logger.error({ error, task_id: work.task.id }, 'no runner could be started');
      this.handBack(work, 'no runner');
    }
  }

  /** Starts what is held while there is room: small subtasks in turns, spread over the lanes that are free. */
  #startHeld(work: TaskWork): void {
    const { id } = work.task;
    for (;;) {
      const { slots, slotsPerSubtask } = runtimeSlotsOf(work.task, work.held[0]?.step ?? null);
      const kept = this.#planner.promisedBefore(rankOf(work.task));
      const lanes = this.#options.slots.capacityFor(id, slots, slotsPerSubtask, kept);
      if (lanes === 0 || work.held.length === 0) return;
      this.#planner.taken(id);
      this.#options.slots.take(id, slotsPerSubtask);
      // Non-idempotent subtasks begin when they are handed over: afterwards nobody could say whether they did.
      const inTurn = work.mayHold ? Math.min(work.ahead.turn, Math.ceil(work.held.length / lanes)) : 1;
      work.startHeld(inTurn, this.#options.membership.identity);
    }
  }

  /** Takes a lane from a task whose slots a higher-ranked one wants. A turn of small subtasks ends with the one that is under way. */
  preempt(work: TaskWork, lane: Lane): void {
    this.handBack(work, 'preempt');
    if (lane.turn !== null) return;
    for (const run of work.runs.values()) if (run.lane === lane) work.abort(run, 'preempt');
  }

  /** Gives back what is held of a task, and was not started. */
  handBack(work: TaskWork, reason: string): void {
    const back = work.takeHeld();
    for (const claimed of back)
      this.#options.spans.handedBack(work.task, claimed, this.#options.membership.identity.id);
    this.#options.queue.add(
      back.map(({ id, attempt, taskId: task, kind }) => {
        return { id, attempt, taskId: task, kind, rows: 0, bytes: 0, how: 'hand-back', reason };
      }),
    );
  }

  /**
   * A plan whose step is started with its end brings its first subtasks along, as far as there is room for them here. With its settlement
   * a claim begins.
   */
  withClaim(work: TaskWork, settlement: Settlement): Settlement {
    const isStart = settlement.how === 'succeed' && settlement.startsStep === true;
    if (!isStart || this.#options.isStopping() || !this.#options.membership.isCurrent || this.#options.spans.isBehind)
      return settlement;
    const { slots, slotsPerSubtask } = runtimeSlotsOf(work.task, null);
    const kept = this.#planner.promisedBefore(rankOf(work.task));
    const claim = this.#options.slots.capacityFor(work.task.id, slots, slotsPerSubtask, kept);
    const claiming = claim * slotsPerSubtask;
    this.#claims.set(settlement.id, { slots: claiming, ended: this.#options.claims.begin() });
    this.#options.slots.claimBegins(work.task.id, claiming);
    return { ...settlement, claim };
  }

  /** Settlements were written, or given up on: the claims that went with them have ended. */
  claimsEnded(settlements: readonly Settlement[]): void {
    for (const { id, taskId } of settlements) {
      const claim = this.#claims.get(id);
      if (claim === undefined) continue;
      this.#claims.delete(id);
      this.#options.slots.claimEnds(taskId, claim.slots);
      claim.ended();
    }
  }
}
