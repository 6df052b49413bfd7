import { isTerminalTaskState, taskId, TaskState, type TaskId } from '@longshore/core';
import type { ControlReply, EventView, SubtaskView, TaskDetail, TaskView } from '@longshore/protocol';
import type { CallOptions, ResultOptions, WaitOptions, WatchOptions } from '../connection/client-options.ts';
import type { Connection } from '../connection/connection.ts';
import type {
  CancelOptions,
  ControlOptions,
  ModifyOptions,
  RetryOptions,
  SubtaskFilters,
  TaskChanges,
} from './control-options.ts';
import { modifyTask } from './modify-task.ts';
import { readPages } from './read-pages.ts';
import { TaskFailedError } from './task-failed-error.ts';
import { watchTask } from './watch-task.ts';

/** The largest page that an owner gives: few requests, each far below the message limit. */
const PAGE_ITEMS = 200;

/**
 * One task: to look at it, follow it and control it. Every call throws `LongshoreError` BUS_UNAVAILABLE or BUS_TIMEOUT when
 * the cluster can't be reached, and `RemoteError` with the owner's code when it refuses. `Result` is what `result()` gives: known after a
 * typed submit.
 */
export class TaskHandle<Result = unknown> {
  readonly id: TaskId;
  /** The task's idempotency key; a random one if the submit named none. The number of its run is `task.run`. */
  readonly key: string;
  /** The task as it was when this handle was made; `get()` reads it anew. */
  readonly task: TaskView;
  /** Whether the submit that returned this handle created the task, by whichever of its tries; false when the task existed already. */
  readonly created: boolean;
  readonly #connection: Connection;

  constructor(connection: Connection, task: TaskView, created: boolean) {
    this.#connection = connection;
    this.id = taskId(task.id);
    this.key = task.key;
    this.task = task;
    this.created = created;
  }

  /**
   * The task now: state, meta, progress by step and node, control subtasks under way.
   *
   * @throws {RemoteError} TASK_NOT_FOUND when its history was removed.
   */
  get(options: CallOptions = {}): Promise<TaskDetail> {
    return this.#connection.request('task.get', { task: { id: this.id } }, options);
  }

  /**
   * Snapshots of the task: one at once, then a new one whenever it changed, at most about two a second, the last one when
   * it has ended. A lost connection doesn't end it: see `onProblem`.
   *
   * @throws the reason of `signal` when it aborts; {RemoteError} what an owner refuses with.
   */
  watch(options: WatchOptions = {}): AsyncIterable<TaskDetail> {
    return watchTask(this.#connection, this.id, options, () => this.get(options));
  }

  /**
   * Waits for the task's end, or for the condition `until`. Resolves to the snapshot that ended the wait, also for a failed
   * task; `result()` throws for a failed one. A task that is paused or awaits resolution has not ended: the wait continues.
   *
   * @throws the reason of `signal` when it aborts; {RemoteError} what an owner refuses with.
   */
  async wait(options: WaitOptions = {}): Promise<TaskDetail> {
    const { until } = options;
    if (until === undefined) await this.#end(options);
    for await (const snapshot of this.watch(options)) {
      if (isTerminalTaskState(snapshot.task.state) || until?.(snapshot) === true) return snapshot;
    }
    throw new TypeError('the watch ended without a terminal snapshot');
  }

  /**
   * Waits for the task's end and returns its result: what the type's `onDone` returned, or null. Also for a task that succeeded without
   * work that was skipped: `task.skipped` of a snapshot counts that.
   *
   * @throws {TaskFailedError} when the task ended in any other way than `succeed`.
   */
  result(options?: WatchOptions): Promise<Result>;
  /**
   * The same, where the handle doesn't know the type: `result<{ rows: number }>()` takes it on trust, and with `parse` it is looked at.
   *
   * @throws whatever `parse` throws.
   */
  result<R>(options?: ResultOptions<R>): Promise<R>;
  async result({ parse, ...options }: ResultOptions<unknown> = {}): Promise<unknown> {
    const task = await this.#end(options);
    if (task.state !== TaskState.succeed) throw new TaskFailedError(task);
    return parse === undefined ? task.result : parse(task.result);
  }

  /** Waits for the task's end with the cheapest request, because no progress is needed. */
  async #end(options: WatchOptions): Promise<TaskView> {
    const read = () => this.#connection.request('task.view', { task: { id: this.id } }, options);
    for await (const { task } of watchTask(this.#connection, this.id, options, read)) {
      if (isTerminalTaskState(task.state)) return task;
    }
    throw new TypeError('the watch ended without a terminal snapshot');
  }

  /**
   * Pauses the task. No work starts any more, running work is handed back with its checkpoint, and non-idempotent work runs to
   * its end. Resolves once that is decided, in state `pausing`; use `wait({ until })` for `paused`. `changed` is false when the
   * task was already pausing or paused.
   *
   * @throws {RemoteError} STATE_CONFLICT in any state except pending and running.
   */
  pause(options: ControlOptions = {}): Promise<ControlReply> {
    return this.#control('task.pause', options);
  }

  /**
   * Resumes a paused task where it was, or lets one go on whose revert failed before it could undo anything. Resolves once that is decided;
   * `changed` is false when it was already resuming.
   *
   * @throws {RemoteError} STATE_CONFLICT when it is not paused, and its revert, if that failed, has begun.
   */
  resume(options: ControlOptions = {}): Promise<ControlReply> {
    return this.#control('task.resume', options);
  }

  /**
   * Changes the task while it is pending, running, paused or awaiting resolution. Resolves once the change is applied. Running work
   * is told and keeps its subtask.
   *
   * @throws {RemoteError} STATE_CONFLICT in another state, or while another modification is being applied; ARGUMENT_INVALID for a
   * bad change, or if the type does not allow changes of its meta; the code of the task's type when its `modifyMeta` refuses it.
   * Nothing is changed then.
   * @throws {LongshoreError} STATE_CONFLICT when the task was canceled before the change was applied.
   * @throws the reason of `signal` when it aborts; the change continues.
   */
  modify(changes: TaskChanges, options: ModifyOptions = {}): Promise<ControlReply> {
    return modifyTask(this.#connection, this.id, changes, options, (after) => this.events({ ...options, after }));
  }

  /**
   * Resolves a failed task: its failed work is tried again, with no failures counted. With `meta` the task is modified first.
   *
   * @throws {RemoteError} STATE_CONFLICT when it doesn't await resolution; with `meta` also what `modify` throws, and nothing is
   * retried then.
   */
  async retry(options: RetryOptions = {}): Promise<ControlReply> {
    const { meta, ...rest } = options;
    if (meta !== undefined) await this.modify({ meta }, rest);
    return this.#control('task.retry', rest);
  }

  /**
   * Resolves a failed task: it continues without its failed work, which counts as done (`skipped`).
   *
   * @throws {RemoteError} STATE_CONFLICT when it doesn't await resolution, or the failed work can't be skipped.
   */
  skip(options: ControlOptions = {}): Promise<ControlReply> {
    return this.#control('task.skip', options);
  }

  /**
   * Resolves a failed task: it is undone and ends as `reverted`, outcome `failed`.
   *
   * @throws {RemoteError} STATE_CONFLICT when it doesn't await resolution.
   */
  revert(options: ControlOptions = {}): Promise<ControlReply> {
    return this.#control('task.revert', options);
  }

  /**
   * Cancels the task: its running work is stopped, its effects are undone, and it ends as `reverted`, outcome `canceled`. Resolves
   * once that is decided; use `wait()` for the end. `changed` is false when it was already being cancelled or undone.
   *
   * @throws {RemoteError} STATE_CONFLICT when it has ended.
   */
  cancel(options: CancelOptions = {}): Promise<ControlReply> {
    const { reason, force } = options;
    const request = {
      task: { id: this.id },
      ...(reason === undefined ? {} : { reason }),
      ...(force === undefined ? {} : { force }),
    };
    return this.#connection.request('task.cancel', request, options);
  }

  /**
   * Undoes a task that has not ended, whatever it is doing, and has the next run of its key start once that is done: of the same type, with the
   * meta that it was submitted with, and with its options as `modify` has left them. Resolves once that is decided. The cluster does it by
   * itself: neither this client nor an owner has to live until then, and one restart starts one run at most. `changed` is false when it was
   * being restarted already. After `wait()`, the new run is the newest one of `client.runs(task.key)`.
   *
   * Nothing starts when the revert fails: the task awaits resolution then, and `restart()` tries both again. Nor when it is canceled meanwhile.
   *
   * @throws {RemoteError} STATE_CONFLICT when it has ended: a submit with `again` starts the next run then.
   */
  restart(options: ControlOptions = {}): Promise<ControlReply> {
    return this.#control('task.restart', options);
  }

  /**
   * Lets a task that has ended leave without its clean-up hook, if that makes no progress for 30 s, fails, or no node can run it. What it
   * would have removed stays. `changed` is false when that was so already.
   *
   * @throws {RemoteError} STATE_CONFLICT when it has not ended, or has left already.
   */
  endCleanUp(options: ControlOptions = {}): Promise<ControlReply> {
    return this.#control('task.endcleanup', options);
  }

  #control(
    method: `task.${'pause' | 'resume' | 'retry' | 'skip' | 'revert' | 'restart' | 'endcleanup'}`,
    options: ControlOptions,
  ): Promise<ControlReply> {
    const { reason } = options;
    const request = { task: { id: this.id }, ...(reason === undefined ? {} : { reason }) };
    return this.#connection.request(method, request, options);
  }

  /** Every event of the task up to now, oldest first: state changes, and unusual events of subtasks. */
  events(options: CallOptions & { readonly after?: number } = {}): AsyncIterable<EventView> {
    return readPages(async (after: number | undefined = options.after) => {
      const page = { task: { id: this.id }, limit: PAGE_ITEMS, ...(after === undefined ? {} : { after }) };
      const { events, next } = await this.#connection.request('task.events', page, options);
      return { items: events, next };
    });
  }

  /** The subtasks that fit the filters, control subtasks included, in order of their ids. There may be millions. */
  subtasks({ states, step, after: first, ...options }: SubtaskFilters = {}): AsyncIterable<SubtaskView> {
    const filters = {
      ...(states === undefined ? {} : { states: [...states] }),
      ...(step === undefined ? {} : { step }),
    };
    return readPages(async (after: string | undefined = first) => {
      const page = { task: { id: this.id }, limit: PAGE_ITEMS, ...filters, ...(after === undefined ? {} : { after }) };
      const { subtasks, next } = await this.#connection.request('task.subtasks', page, options);
      return { items: subtasks, next };
    });
  }
}
