import { readTaskForRunner, type Store, type TaskForRunner } from '@longshore/store';
import type { Logger, ThreadMetrics } from '@longshore/telemetry';
import type { NodeEvent } from '../node/events.ts';
import { within } from '../node/within.ts';
import type { Run } from '../running/run.ts';
import type { AttemptSpans } from './attempt-spans.ts';
import type { PooledRunner, RunnerPool } from './runner-pool.ts';
import { TaskHost } from './task-host.ts';
import { TaskThrottle } from './task-throttle.ts';

export interface TaskHostsOptions {
  readonly store: Store;
  readonly nodeId: string;
  readonly logger: Logger;
  readonly pool: Pick<RunnerPool, 'take' | 'startAlone' | 'giveBack' | 'close'>;
  readonly spans: AttemptSpans;
  readonly threadMetrics: Pick<ThreadMetrics, 'take'>;
  /** How long a clean-up may take, in milliseconds. */
  readonly abortGraceMs: number;
  readonly find: (taskId: string, runId: string) => Run | undefined;
  /** Whether anything of a task runs here or is about to. */
  readonly isBusy: (taskId: string) => boolean;
  readonly mayClaim: () => boolean;
  readonly tell: (event: NodeEvent) => void;
}

/** The runners of this node's tasks: taken from the pool, moved from one task to another, and given back once they are cleaned up. */
export class TaskHosts {
  readonly #options: TaskHostsOptions;
  readonly #hosts = new Map<string, TaskHost>();
  /** Hosts of runs that are alone in a process, by subtask id. */
  readonly #alone = new Map<string, TaskHost>();
  /** What is on its way from the pool. */
  readonly #taking = new Set<Promise<unknown>>();
  /** What is on its way back to it. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: TaskHostsOptions) {
    this.#options = options;
  }

  get(taskId: string): TaskHost | undefined {
    return this.#hosts.get(taskId);
  }

  /** Where a run is: in the runner of its task, or alone in a process. Undefined: nowhere, or on its way there. */
  of({ claimed, isAlone }: Pick<Run, 'claimed' | 'isAlone'>): TaskHost | undefined {
    return isAlone ? this.#alone.get(claimed.id) : this.#hosts.get(claimed.taskId);
  }

  /** All runners of a task. */
  all(taskId: string): readonly TaskHost[] {
    const alone = [...this.#alone.values()].filter((host) => host.taskId === taskId);
    const host = this.#hosts.get(taskId);
    return host === undefined ? alone : [host, ...alone];
  }

  /** Reads a task that is to be opened. @throws {LongshoreError} STORE_UNAVAILABLE. */
  read(taskId: string): Promise<TaskForRunner | null> {
    return readTaskForRunner(this.#options.store.db, taskId);
  }

  /**
   * A runner of the pool's becomes a task's.
   *
   * @returns the slots whose memory it has.
   * @throws {LongshoreError} what loading the type in a new runner throws.
   */
  async take(task: TaskForRunner): Promise<number> {
    const pooled = await this.#until(
      this.#options.pool.take(task.type, task.slots).then((taken) => {
        this.#hosts.set(task.id, this.#host(task, taken));
        return taken;
      }),
    );
    return pooled.slots;
  }

  /** Starts a process for one run of a task. @throws {LongshoreError} what loading the type in it throws. */
  async takeAlone(task: TaskForRunner, runId: string): Promise<TaskHost> {
    const starting = this.#options.pool.startAlone(task.type, task.slots);
    return this.#until(
      starting.then((pooled) => {
        const host = this.#host(task, pooled);
        this.#alone.set(runId, host);
        return host;
      }),
    );
  }

  /** A run that was alone is over: its process is cleaned up and ended. Resolves when it has ended. */
  async endAlone(runId: string): Promise<void> {
    const host = this.#alone.get(runId);
    if (host === undefined) return;
    this.#alone.delete(runId);
    await this.#leave(this.#cleanUp(host.runner, host.taskId).then(() => host.runner.terminate()));
  }

  /** The runner of a task that has nothing here any more becomes another's. */
  move(from: string, task: TaskForRunner): void {
    const before = this.#hosts.get(from);
    if (before === undefined) return;
    this.#hosts.delete(from);
    before.throttle.close();
    // It goes on in the thread, whatever runs there next.
    void before.runner.endTask(from);
    this.#hosts.set(task.id, this.#host(task, before.pooled));
  }

  /**
   * Gives the runner of a task back. Nobody finds it here any more when this returns; resolves once it is cleaned up and given back.
   */
  async giveBack(task: TaskForRunner): Promise<void> {
    const host = this.#hosts.get(task.id);
    if (host === undefined) return;
    this.#hosts.delete(task.id);
    await this.#leave(this.#giveBack(host, task));
  }

  /** Ends all runners. Where nothing runs any more, what its task has open is cleaned up before. */
  async close(): Promise<void> {
    const end = async ([taskId, host]: [string, TaskHost]): Promise<void> => {
      host.throttle.close();
      if (!this.#options.isBusy(taskId)) await this.#cleanUp(host.runner, taskId);
      await host.runner.terminate();
    };
    await Promise.allSettled(this.#taking);
    const alone = [...this.#alone.values()].map((host): [string, TaskHost] => [host.taskId, host]);
    await Promise.all([...[...this.#hosts, ...alone].map(end), ...this.#leaving]);
    this.#hosts.clear();
    this.#alone.clear();
    await this.#options.pool.close();
  }

  async #until<T>(taking: Promise<T>): Promise<T> {
    this.#taking.add(taking);
    try {
      return await taking;
    } finally {
      this.#taking.delete(taking);
    }
  }

  async #leave(leaving: Promise<void>): Promise<void> {
    const left = leaving.finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
    await left;
  }

  #host(task: TaskForRunner, pooled: PooledRunner): TaskHost {
    const { store, spans, threadMetrics, logger, find, mayClaim, tell } = this.#options;
    return new TaskHost({
      taskId: task.id,
      pooled,
      // What waits in it goes on waiting when the runner before has ended.
      throttle: this.#hosts.get(task.id)?.throttle ?? this.#throttleOf(task),
      store,
      spans,
      threadMetrics,
      logger: logger.child({ task_id: task.id, trace_id: spans.traceIdOf(task) }),
      find: (runId) => find(task.id, runId),
      isCurrent: (one) => this.#hosts.get(task.id) === one,
      mayClaim,
      tell,
    });
  }

  #throttleOf(task: TaskForRunner): TaskThrottle {
    const { store, logger, nodeId, spans, tell } = this.#options;
    return new TaskThrottle({
      store,
      logger,
      taskId: task.id,
      nodeId,
      limits: task.throttle ?? {},
      hasGates: task.gates.length > 0,
      onWaiting: (runId, reason) => {
        spans.waits(runId, reason);
        tell({ kind: 'throttled', taskId: task.id, runId, reason, at: performance.now() });
      },
    });
  }

  async #giveBack({ pooled, throttle }: TaskHost, task: TaskForRunner): Promise<void> {
    throttle.close();
    // Answered before the end of the clean-up, in case nobody has asked since its last run.
    pooled.runner.check();
    await this.#cleanUp(pooled.runner, task.id);
    await this.#options.pool.giveBack(pooled);
  }

  /** Has a task's step executors cleaned up. A thread in which that doesn't come to an end is ended, as one with a hook that doesn't stop. */
  async #cleanUp(runner: TaskHost['runner'], taskId: string): Promise<void> {
    if (await within(this.#options.abortGraceMs, runner.endTask(taskId))) return;
    this.#options.logger.warn({ task_id: taskId }, 'a clean-up did not come to an end in time, ending its runner');
    await runner.terminate();
  }
}
