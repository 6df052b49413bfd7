import { isTerminalTaskState } from '@longshore/core';
import type { Runner } from '@longshore/runner';
import {
  readTaskForRunner,
  readTaskStates,
  type RunningTaskState,
  type Store,
  type TaskForRunner,
} from '@longshore/store';
import type { Logger, ThreadMetrics } from '@longshore/telemetry';
import type { AttemptSpans } from '../hosting/attempt-spans.ts';
import type { EndedRun, Run } from './run.ts';
import type { RunnerPool } from '../hosting/runner-pool.ts';
import type { SlotManager } from './slot-manager.ts';
import { TaskWork } from './task-work.ts';
import { within } from '../node/within.ts';

export interface TaskWorksOptions {
  readonly store: Store;
  readonly nodeId: string;
  readonly logger: Logger;
  /** Knows what is being claimed: a runner is kept for it. */
  readonly slots: Pick<SlotManager, 'isClaiming'>;
  readonly pool: Pick<RunnerPool, 'take' | 'giveBack' | 'memoryOf' | 'close'>;
  readonly spans: AttemptSpans;
  readonly threadMetrics: Pick<ThreadMetrics, 'take'>;
  readonly abortGraceMs: number;
  readonly onSettled: (work: TaskWork, ended: readonly EndedRun[]) => void;
  readonly onFreed: (taskId: string, slots: number) => void;
  readonly onTakenBack: (taskId: string) => void;
  readonly onProgress: (run: Run) => void;
}

/** How long a runner waits for more work of its task before it is given back, in milliseconds: longer than planning a step takes. */
const RUNNER_IDLE_MS = 5_000;

/** The tasks that this node works for, each with a runner of its own. */
export class TaskWorks {
  readonly #options: TaskWorksOptions;
  readonly #works = new Map<string, TaskWork>();
  readonly #opening = new Map<string, Promise<TaskWork | null>>();
  /** What is on its way back to the pool. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: TaskWorksOptions) {
    this.#options = options;
  }

  get(taskId: string): TaskWork | undefined {
    return this.#works.get(taskId);
  }

  [Symbol.iterator](): IterableIterator<TaskWork> {
    return this.#works.values();
  }

  /** Whether nothing of a task is here, or on its way here. */
  #isIdle(work: TaskWork): boolean {
    return !work.isBusy && !this.#options.slots.isClaiming(work.task.id);
  }

  /**
   * This node's part of a task, with a live runner; made on first need, once however many ask for it at a time.
   *
   * @param fresh the task as it was claimed, because something may have changed it: for control subtasks.
   * @throws {LongshoreError} what loading the type in a new runner throws, STORE_UNAVAILABLE.
   */
  async open(taskId: string, fresh: TaskForRunner | null = null): Promise<TaskWork | null> {
    for (let before = this.#opening.get(taskId); before !== undefined; before = this.#opening.get(taskId)) {
      await before.catch(() => undefined);
    }
    const opening = this.#openOne(taskId, fresh);
    this.#opening.set(taskId, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(taskId);
    }
  }

  async #openOne(taskId: string, fresh: TaskForRunner | null): Promise<TaskWork | null> {
    const known = this.#works.get(taskId);
    const runner = known?.runner.isAlive === true ? known.runner : null;
    if (known !== undefined && runner !== null && fresh === null) return known;
    const task = fresh ?? (await readTaskForRunner(this.#options.store.db, taskId));
    if (task === null) return null;
    if (known !== undefined && runner !== null && known.task.version === task.version) return known;
    const {
      pool,
      spans,
      threadMetrics,
      store,
      nodeId,
      logger,
      abortGraceMs,
      onSettled,
      onFreed,
      onTakenBack,
      onProgress,
    } = this.#options;
    const work = new TaskWork({
      task,
      runner: runner ?? this.#takeIdle(task.type, task.slots) ?? (await pool.take(task.type, task.slots)),
      before: known ?? null,
      store,
      nodeId,
      spans,
      threadMetrics,
      logger: logger.child({ task_id: taskId, trace_id: spans.traceIdOf(task) }),
      abortGraceMs,
      memoryOf: (slots) => pool.memoryOf(slots),
      onSettled: (ended) => onSettled(work, ended),
      onFreed: (slots) => onFreed(taskId, slots),
      onTakenBack: () => onTakenBack(taskId),
      onProgress,
    });
    this.#works.set(taskId, work);
    return work;
  }

  /**
   * The runner of another task of the type that has nothing here now, if there is one: a burst of small tasks would otherwise start a
   * worker for each, while those of the tasks before wait to be given back.
   */
  #takeIdle(type: string, slots: number): Runner | null {
    for (const [taskId, work] of this.#works) {
      const fits = work.task.type === type && work.task.slots >= slots && work.runner.isAlive && this.#isIdle(work);
      if (!fits) continue;
      this.#works.delete(taskId);
      // It goes on in the thread, whatever runs there next.
      void work.runner.endTask(taskId);
      return work.runner;
    }
    return null;
  }

  /** Takes a task over as it is now, after what runs here was told of it. */
  async renew(taskId: string, fresh: TaskForRunner): Promise<void> {
    if (this.#works.has(taskId)) await this.open(taskId, fresh);
  }

  /** States of the tasks that run or hold something here. A task that is missing has left for history. */
  async readStates(): Promise<ReadonlyMap<string, RunningTaskState>> {
    return readTaskStates(this.#options.store.db, this.#options.nodeId, [...this.#works.keys()]);
  }

  /**
   * Gives runners back whose task is over, or has had nothing here for a while. Nobody finds them here any more when this returns;
   * resolves once they are cleaned up and given back.
   *
   * @param now by the monotonic clock, in milliseconds.
   */
  async giveBackIdle(states: ReadonlyMap<string, RunningTaskState>, now: number): Promise<void> {
    const leaving: Promise<void>[] = [];
    for (const [taskId, work] of this.#works) {
      if (!this.#isIdle(work)) continue;
      const state = states.get(taskId)?.state;
      const isOver = state === undefined || isTerminalTaskState(state);
      if (!isOver && work.runner.isAlive && now - work.idleSince < RUNNER_IDLE_MS) continue;
      this.#works.delete(taskId);
      const giving = this.#giveBack(work).finally(() => this.#leaving.delete(giving));
      this.#leaving.add(giving);
      leaving.push(giving);
    }
    await Promise.all(leaving);
  }

  async #giveBack(work: TaskWork): Promise<void> {
    await this.#cleanUp(work);
    await this.#options.pool.giveBack(work.runner, work.task.slots);
  }

  /** Has a task's step executors cleaned up. A thread in which that doesn't come to an end is ended, as one with a hook that doesn't stop. */
  async #cleanUp({ task, runner }: TaskWork): Promise<void> {
    if (await within(this.#options.abortGraceMs, runner.endTask(task.id))) return;
    this.#options.logger.warn({ task_id: task.id }, 'a clean-up did not come to an end in time, ending its runner');
    await runner.terminate();
  }

  /** Ends all runners. Where nothing runs any more, what its task has open is cleaned up before. */
  async close(): Promise<void> {
    const end = async (work: TaskWork): Promise<void> => {
      work.throttle.close();
      if (!work.isBusy) await this.#cleanUp(work);
      await work.runner.terminate();
    };
    await Promise.all([...[...this.#works.values()].map(end), ...this.#leaving]);
    this.#works.clear();
    await this.#options.pool.close();
  }
}
