import type { ClusterLimits, ListReply, ListRequest, NodeView, TaskRef, TaskView, TypeView } from '@longshore/protocol';
import type { CallOptions } from './client-options.ts';
import type { Connection } from './connection.ts';
import { readPages } from '../task/read-pages.ts';
import { submitTask, type SubmitOptions } from '../submit/submit-task.ts';
import type { NamedSubmit, ResultOf, TaskTypeRef, TypedSubmit } from '../submit/task-type-ref.ts';
import { TaskHandle } from '../task/task-handle.ts';

/**
 * A connection to a Longshore cluster. Every call throws `LongshoreError` BUS_UNAVAILABLE when no owner can be reached,
 * BUS_TIMEOUT when none answers in time, and `RemoteError` with the owner's code when it refuses.
 */
export class LongshoreClient {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Submits a task of the type that the request names. Where the type's package has added itself to `TaskTypes`, meta and result are typed.
   * Without a `key` it gets a random one. Each call has an id (`submitId`), and one that gets no answer is sent again with it,
   * up to four times: together they start one run at most. With a key that has a run already, and the same content, it gives the newest run and
   * starts nothing (`created` is false), however that run ended; with `again` it starts the next one if the newest has ended.
   *
   * @throws {LongshoreError} META_TOO_LARGE beyond 256 KiB of meta; BUS_TIMEOUT, with `key` and `submitId` in its details, when no try was
   * answered.
   * @throws {RemoteError} TYPE_UNKNOWN, META_INVALID, ARGUMENT_INVALID, or TASK_KEY_TAKEN when a task with other content
   * has the key.
   */
  submit<Type extends string>(request: NamedSubmit<Type>, options?: SubmitOptions): Promise<TaskHandle<ResultOf<Type>>>;
  /**
   * Submits a task of a type that its package exports for applications: meta and result are typed by it.
   *
   * @param type such as `importTask` of `@longshore/plugin-import/client`.
   * @param request all but the type.
   */
  submit<Name extends string, Meta, Result>(
    type: TaskTypeRef<Name, Meta, Result>,
    request: TypedSubmit<Meta>,
    options?: SubmitOptions,
  ): Promise<TaskHandle<Result>>;
  async submit(
    first: NamedSubmit | TaskTypeRef,
    second: TypedSubmit | SubmitOptions = {},
    third?: SubmitOptions,
  ): Promise<TaskHandle> {
    const isTyped = 'meta' in second;
    const request = isTyped ? { ...second, type: first.type } : (first as NamedSubmit);
    const { task, created } = await submitTask(this.#connection, request, isTyped ? third : second);
    return new TaskHandle(this.#connection, task, created);
  }

  /**
   * A handle on a task that exists.
   *
   * @throws {RemoteError} TASK_NOT_FOUND when no task has this id or key, neither active nor in history.
   */
  async task(ref: TaskRef, options: CallOptions = {}): Promise<TaskHandle> {
    const { task } = await this.#connection.request('task.get', { task: ref }, options);
    return new TaskHandle(this.#connection, task, false);
  }

  /** One page of tasks, newest first; `next` goes into `before` of the request for the next page, null ends it. */
  list(filters: ListRequest = {}, options: CallOptions = {}): Promise<ListReply> {
    return this.#connection.request('task.list', filters, options);
  }

  /** Every task that fits the filters, newest first, page by page (`limit` is the size of a page, default 50). */
  listAll(filters: ListRequest = {}, options: CallOptions = {}): AsyncIterable<TaskView> {
    return readPages(async (before: string | undefined = filters.before) => {
      const { tasks, next } = await this.list({ ...filters, before }, options);
      return { items: tasks, next };
    });
  }

  /**
   * Every run of a key that is not forgotten yet, newest first, page by page. `run` of each is its number. None: the key is free.
   */
  runs(key: string, options: CallOptions = {}): AsyncIterable<TaskView> {
    return readPages(async (before: string | undefined) => {
      const page = { key, ...(before === undefined ? {} : { before }) };
      const { tasks, next } = await this.#connection.request('task.runs', page, options);
      return { items: tasks, next };
    });
  }

  /** The cluster's nodes with their state, slots, types and load. */
  async nodes(options: CallOptions = {}): Promise<readonly NodeView[]> {
    return (await this.#connection.request('node.list', {}, options)).nodes;
  }

  /** Registered task types, or the versions of one, with their JSON Schema, defaults and the nodes that offer them. */
  async types(type?: string, options: CallOptions = {}): Promise<readonly TypeView[]> {
    return (await this.#connection.request('type.list', type === undefined ? {} : { type }, options)).types;
  }

  /** Limits of the whole cluster. */
  async limits(options: CallOptions = {}): Promise<ClusterLimits> {
    return (await this.#connection.request('limits.get', {}, options)).limits;
  }

  /**
   * Changes limits of the whole cluster, for all tasks from now on; they are kept in the store. What is absent stays.
   *
   * @returns all limits as they are then.
   * @throws {RemoteError} ARGUMENT_INVALID beyond a bound, or without any limit.
   */
  async setLimits(limits: Partial<ClusterLimits>, options: CallOptions = {}): Promise<ClusterLimits> {
    return (await this.#connection.request('limits.set', limits, options)).limits;
  }

  /** Closes the connection and ends every watch and wait with BUS_UNAVAILABLE. Tasks continue. Idempotent. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** `await using client = await connectLongshore(…)` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
