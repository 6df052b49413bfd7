import {
  choosePreempted,
  compareRank,
  decideFailure,
  LongshoreError,
  nodeId,
  nodeOfOrdinal,
  stopEffect,
  stopReasonOf,
  taskId,
  type ErrorData,
  type Ranked,
  type StopReason,
} from '@longshore/core';
import {
  checkStepIsNew,
  claimSubtasks,
  clearAbandonedPlan,
  insertPlanPage,
  readClaimableWork,
  readTaskForRunner,
  readTaskStates,
  releaseUnknown,
  saveCheckpoint,
  settleSubtasks,
  type ClaimedSubtask,
  type Db,
  type NodeIdentity,
  type PlannedRow,
  type RunnableTask,
  type Settlement,
  type TaskForRunner,
} from '@longshore/store';
import { DISK_FULL, stepAfter } from './toy-types.ts';

/** How a hook or a subtask ends by itself. */
export type Ending = 'succeed' | 'fail' | 'fail for now' | 'disk full';

/** What plans and `prepare` answer. */
export interface Answers {
  /** Subtasks of a planned step. */
  readonly rows: number;
  /** Whether they may simply be run again. */
  readonly isIdempotent: boolean;
  /** What `prepare` asks for. */
  readonly slots: number;
}

/** A claimed subtask that runs here. */
export interface SimRun {
  readonly claimed: ClaimedSubtask;
  readonly task: TaskForRunner;
  /** 0 for control subtasks. */
  readonly slots: number;
  /** By a counter, as durations don't matter here. */
  readonly startedAt: number;
  /** What a plan has written of its rows. */
  planned: { readonly step: string; readonly rows: number } | null;
}

const ERRORS: Readonly<Record<Exclude<Ending, 'succeed'>, ErrorData>> = {
  fail: { code: 'TOY_BROKEN', message: 'it broke', permanent: true },
  'fail for now': { code: 'TOY_BUSY', message: 'it was busy', permanent: false },
  'disk full': { code: DISK_FULL, message: 'no space left', permanent: true },
};

const LEASE_LOST: ErrorData = { code: 'NODE_LOST', message: 'its lease ran out', permanent: true };

/** Sees what executors do. */
export interface RunWatcher {
  started(executor: SimExecutor, run: SimRun): void;
  /**
   * @param isWritten false: the store said that it is somebody else's by now.
   * @param error what it failed with; null: it didn't.
   */
  settled(executor: SimExecutor, run: SimRun, isWritten: boolean, error: ErrorData | null): void;
}

/** Control subtasks that run here at once. */
const CONTROL_PLACES = 4;

let starts = 0;

/**
 * An executor without plugin code: claims, keeps slots, preempts, obeys the states of its tasks and settles as the real one does, by the
 * core's functions. One registration of a node; a node that registers anew is another one.
 */
export class SimExecutor {
  readonly identity: NodeIdentity;
  readonly slots: number;
  readonly runs = new Map<string, SimRun>();
  /** Claimed, but the answer got lost: nobody runs them. */
  readonly unknown = new Set<string>();
  readonly #db: Db;
  readonly #watcher: RunWatcher;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: Db, identity: NodeIdentity, slots: number, watcher: RunWatcher) {
    this.#db = db;
    this.identity = identity;
    this.slots = slots;
    this.#watcher = watcher;
  }

  /** One thing at a time, as a process does; different ones don't wait for each other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  get used(): number {
    return [...this.runs.values()].reduce((sum, run) => sum + run.slots, 0);
  }

  /**
   * Claims what there is room for; a higher rank first takes slots from lower ones.
   *
   * @param isHeard false: the answer gets lost.
   * @throws {LongshoreError} NODE_FENCED.
   */
  claim(isHeard: boolean): Promise<void> {
    return this.#inTurn(() => this.#claim(isHeard));
  }

  async #claim(isHeard: boolean): Promise<void> {
    const work = await readClaimableWork(this.#db, this.identity.id);
    await this.#preempt(work.tasks);
    let promised = 0;
    const requests = work.tasks.flatMap((task) => {
      const limit = Math.floor(Math.max(0, this.#roomFor(task, promised)) / task.slotsPerSubtask);
      promised += limit * task.slotsPerSubtask;
      return limit > 0 ? [{ taskId: task.id, limit, afterOrdinal: 0 }] : [];
    });
    const controls = [...this.runs.values()].filter((run) => run.claimed.kind !== 'work').length;
    const claimed = await claimSubtasks(
      this.#db,
      this.identity,
      requests,
      work.controls.slice(0, Math.max(0, CONTROL_PLACES - controls)).map((control) => control.id),
    );
    if (!isHeard) {
      for (const one of claimed) this.unknown.add(one.id);
      return;
    }
    for (const one of claimed) {
      const task = one.task ?? (await readTaskForRunner(this.#db, one.taskId));
      // Its task has left meanwhile; then it was canceled, and the store's word on it is found out by the settlement.
      if (task === null) this.unknown.add(one.id);
      else this.#start(one, task, work.tasks);
    }
  }

  /** Slots that one more subtask of a task could take now. */
  #roomFor(task: RunnableTask, promised: number): number {
    const ofTask = [...this.runs.values()].reduce((sum, run) => sum + (run.task.id === task.id ? run.slots : 0), 0);
    return Math.min(task.slots - ofTask, this.slots - this.used - promised);
  }

  #start(claimed: ClaimedSubtask, task: TaskForRunner, tasks: readonly RunnableTask[]): void {
    const slots =
      claimed.kind === 'work'
        ? (tasks.find((one) => one.id === claimed.taskId)?.slotsPerSubtask ?? task.slotsPerSubtask)
        : 0;
    const run: SimRun = { claimed, task, slots, startedAt: ++starts, planned: null };
    this.runs.set(claimed.id, run);
    this.#watcher.started(this, run);
  }

  async #preempt(tasks: readonly RunnableTask[]): Promise<void> {
    for (const task of tasks) {
      const ofTask = [...this.runs.values()].reduce((sum, run) => sum + (run.task.id === task.id ? run.slots : 0), 0);
      if (task.slots - ofTask < task.slotsPerSubtask) continue;
      const runs = [...this.runs.values()]
        .filter((run) => run.slots > 0)
        .map((run) => ({
          id: run.claimed.id,
          task: rankOf(run.task),
          slots: run.slots,
          isIdempotent: run.claimed.isIdempotent,
          startedAt: run.startedAt,
        }));
      const chosen = choosePreempted(runs, rankOf(task), task.slotsPerSubtask - (this.slots - this.used));
      for (const id of chosen ?? []) await this.#stop(this.runs.get(id), 'preempt');
    }
  }

  /** Looks at the states of its tasks, and stops what they don't want any more. */
  obey(): Promise<void> {
    return this.#inTurn(() => this.#obey());
  }

  async #obey(): Promise<void> {
    const ids = [...new Set([...this.runs.values()].map((run) => run.claimed.taskId))];
    const states = await readTaskStates(this.#db, this.identity.id, ids);
    for (const run of [...this.runs.values()]) {
      const { kind } = run.claimed;
      const state = states.get(run.claimed.taskId);
      const hasLeft = kind === 'work' && state?.state === 'running' && !state.isReserved;
      const reason = stopReasonOf(kind, state?.state ?? 'gone') ?? (hasLeft ? 'move' : null);
      if (reason !== null) await this.#stop(run, reason);
    }
  }

  /** Stops everything for one reason; what may not be stopped for it goes on. */
  stopAll(reason: StopReason): Promise<void> {
    return this.#inTurn(async () => {
      for (const run of [...this.runs.values()]) await this.#stop(run, reason);
    });
  }

  async #stop(run: SimRun | undefined, reason: StopReason): Promise<void> {
    if (run === undefined) return;
    switch (stopEffect(reason, run.claimed.isIdempotent)) {
      case 'canceled':
        return this.#settle(run, { how: 'cancel' });
      case 'paused':
        return this.#settle(run, { how: 'pause' });
      case 'pending':
        return this.#settle(run, { how: 'release', reason });
      case 'failure':
        return this.#fail(run, ERRORS['fail for now']);
      case 'failed':
        return this.#settle(run, { how: 'fail', error: LEASE_LOST });
      case 'left':
      case 'not stopped':
        return;
    }
  }

  /** Plans write a page, work a checkpoint; nothing ends. */
  advance(answers: Answers): Promise<void> {
    return this.#inTurn(async () => {
      for (const run of inOrder(this.runs.values())) {
        const { id, attempt, kind } = run.claimed;
        if (kind === 'plan') await this.#planPage(run, answers);
        else if (kind === 'work') {
          await saveCheckpoint(this.#db, this.identity, { id, attempt }, { at: run.startedAt });
        }
      }
    });
  }

  /** Writes the first rows of a plan, which goes on. */
  async #planPage(run: SimRun, answers: Answers): Promise<void> {
    const step = stepAfter(run.task.type, run.task.step);
    if (run.claimed.kind !== 'plan' || step === null || run.planned !== null) return;
    try {
      if (run.claimed.step !== '') await checkStepIsNew(this.#db, run.claimed.taskId, step);
    } catch (error) {
      // Only a late one may find that: what it planned has run by now, and its word doesn't count.
      if (!LongshoreError.is(error) || error.code !== 'PLAN_INVALID') throw error;
      return this.#settle(run, { how: 'fail', error: { code: error.code, message: error.message, permanent: true } });
    }
    const hold = { id: run.claimed.id, attempt: run.claimed.attempt, taskId: run.claimed.taskId, step };
    const rows = this.#rows(run, 0, Math.ceil(answers.rows / 2), answers);
    // Also for a step without subtasks: what an earlier attempt left would keep it open.
    const isHeld = await clearAbandonedPlan(this.#db, this.identity, hold);
    if (isHeld && answers.rows === 0) return;
    const isWanted = isHeld && (await insertPlanPage(this.#db, this.identity, hold, rows));
    if (isWanted) run.planned = { step, rows: rows.length };
    else await this.#settle(run, { how: 'cancel' });
  }

  #rows(run: SimRun, after: number, count: number, { isIdempotent }: Answers): readonly PlannedRow[] {
    const nodes = run.task.reservedNodes.length > 0 ? run.task.reservedNodes.map(nodeId) : [nodeId(this.identity.id)];
    return Array.from({ length: count }, (_, index) => {
      const ordinal = after + index + 1;
      return { ordinal, execId: nodeOfOrdinal(ordinal, nodes), isIdempotent, meta: { ordinal } };
    });
  }

  /**
   * Lets runs end by themselves.
   *
   * @param which those whose number in order is one of these, modulo how many there are.
   */
  end(which: readonly number[], ending: Ending, answers: Answers): Promise<void> {
    return this.#inTurn(async () => {
      const runs = inOrder(this.runs.values());
      for (const index of new Set(which.map((one) => one % Math.max(1, runs.length)))) {
        const run = runs[index];
        if (run !== undefined && this.runs.has(run.claimed.id)) await this.#end(run, ending, answers);
      }
    });
  }

  async #end(run: SimRun, ending: Ending, answers: Answers): Promise<void> {
    // Only work fills disks.
    const doesFail = ending !== 'succeed' && (ending !== 'disk full' || run.claimed.kind === 'work');
    if (doesFail) return this.#fail(run, ERRORS[ending]);
    switch (run.claimed.kind) {
      case 'plan':
        return this.#endPlan(run, answers);
      case 'prepare':
        return this.#settle(run, { how: 'succeed', result: { slots: answers.slots } });
      case 'modify':
        return this.#settle(run, { how: 'succeed', result: { ...run.task.modification?.changes.meta } });
      case 'clean':
        return this.#settle(run, { how: 'succeed', result: { meta: {} } });
      case 'work':
      case 'finish':
      case 'revert':
      case 'gates':
      case 'tick':
      case 'place':
        return this.#settle(run, { how: 'succeed', result: null });
    }
  }

  async #endPlan(run: SimRun, answers: Answers): Promise<void> {
    const { attempt } = run.claimed;
    const step = stepAfter(run.task.type, run.task.step);
    if (step === null)
      return this.#settle(run, { how: 'succeed', result: { step, planAttempt: attempt, subtasks: 0 } });
    await this.#planPage(run, answers);
    if (!this.runs.has(run.claimed.id)) return;
    const written = run.planned?.rows ?? 0;
    const rest = this.#rows(run, written, Math.max(0, answers.rows - written), answers);
    return this.#settle(run, {
      how: 'succeed',
      result: { step, planAttempt: attempt, subtasks: written + rest.length },
      planned: rest.length > 0 ? { step, rows: rest } : null,
    });
  }

  async #fail(run: SimRun, error: ErrorData): Promise<void> {
    if (!run.claimed.isIdempotent) return this.#settle(run, { how: 'fail', error });
    const decision = decideFailure(error, run.claimed.failures, run.task.retry, 0);
    return this.#settle(
      run,
      decision.retry ? { how: 'retry', error, afterMs: decision.afterMs } : { how: 'fail', error },
    );
  }

  async #settle(run: SimRun, ending: EndingOf): Promise<void> {
    const { id, attempt, taskId: task, kind } = run.claimed;
    this.runs.delete(id);
    const settlement = { id, attempt, taskId: task, kind, rows: 0, bytes: 0, ...ending } as Settlement;
    const { lost } = await settleSubtasks(this.#db, this.identity, [settlement]);
    this.#watcher.settled(this, run, lost.length === 0, ending.how === 'fail' ? ending.error : null);
  }

  /** Gives back what it was given without knowing. */
  reconcile(): Promise<void> {
    return this.#inTurn(async () => {
      await releaseUnknown(this.#db, this.identity, [...this.runs.keys()]);
      this.unknown.clear();
    });
  }
}

type EndingOf =
  | { how: 'succeed'; result: unknown; planned?: { step: string; rows: readonly PlannedRow[] } | null }
  | { how: 'fail'; error: ErrorData }
  | { how: 'cancel' }
  | { how: 'pause' }
  | { how: 'release'; reason: string }
  | { how: 'retry'; error: ErrorData; afterMs: number };

function rankOf({ id, priority, createdAtMs }: Pick<TaskForRunner, 'id' | 'priority' | 'createdAtMs'>): Ranked {
  return { id: taskId(id), priority, createdAtMs };
}

/** By the ranks of their tasks, oldest first: a choice by number then means the same in each run. */
function inOrder(runs: Iterable<SimRun>): readonly SimRun[] {
  return [...runs].toSorted((a, b) => compareRank(rankOf(a.task), rankOf(b.task)) || a.startedAt - b.startedAt);
}
