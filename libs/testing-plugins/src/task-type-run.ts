import { openTarget, type OpenTarget } from '@longshore/effects';
import {
  SubtaskPostponed,
  type FinishedSubtask,
  type HookContext,
  type JsonObject,
  type JsonValue,
  type PlannedSubtask,
  type RealtimeSummary,
  type StepExecutor,
  type TargetConnection,
  type TaskType,
  type TaskView,
} from '@longshore/sdk';
import { metrics, trace } from '@opentelemetry/api';
import { RunRecord } from './run-record.ts';

export interface TaskTypeRunOptions<Meta, Settings> {
  readonly type: TaskType<Meta, Settings>;
  /** URL of the target, which every connection name means. */
  readonly url: string;
  /** Decimal; each task of a test needs its own. */
  readonly taskId: string;
  /** What a submit would say, without the connection. */
  readonly meta: Record<string, unknown>;
  /** What the executor's configuration says of the type, read for each hook. */
  readonly settings: () => Settings;
  /** How long a revert waits for effects that are under way, in milliseconds. Default 5,000. */
  readonly fenceGraceMs?: number;
}

/** How one hook is run. */
export interface AttemptOptions {
  readonly signal?: AbortSignal;
  /** Of an earlier attempt; a new subtask unless given. */
  readonly subtaskId?: string;
  /** Default 1. */
  readonly attempt?: number;
  /** Puts something of the test's around the real connection. Default: the connection itself. */
  readonly around?: (connection: TargetConnection) => TargetConnection;
}

/** A planned subtask with its place in its step's plan, from 1. */
export type PlannedPart = Pick<PlannedSubtask, 'meta'> & { readonly ordinal: number };

/**
 * One task whose hooks a test calls itself, in the order that the framework would, on the real target connection. The only things
 * made by hand are what executor and store do: ids and attempts, results and checkpoints that are kept, and what {@link RunRecord}
 * counts. Values that the store keeps go through JSON.
 */
export class TaskTypeRun<Meta, Settings, Step extends string> extends RunRecord {
  meta: Meta;
  readonly #options: TaskTypeRunOptions<Meta, Settings>;
  readonly #finished = new Map<string, readonly FinishedSubtask[]>();
  readonly #checkpoints = new Map<string, JsonValue>();
  /** What the next attempt of a subtask begins with. */
  readonly #kept = new Map<string, { readonly rows: number; readonly bytes: number }>();
  readonly #executors = new Map<Step, StepExecutor<Meta, Settings>>();
  #lastSubtaskId = 0;

  /** @throws {TypeError} when the meta fails its schema. */
  constructor(options: TaskTypeRunOptions<Meta, Settings>) {
    super();
    this.#options = options;
    // Like the owner: a meta that fails its schema never gets this far, and defaults are filled in.
    const checked = options.type.meta['~standard'].validate({ connection: 'target', ...options.meta });
    if (checked instanceof Promise || checked.issues !== undefined) throw new TypeError(JSON.stringify(checked));
    this.meta = checked.value;
  }

  get #type(): TaskType<Meta, Settings> {
    return this.#options.type;
  }

  /** The first hook of a task. As in the framework, its fence is opened before: without it nothing may be written. */
  async prepare(): Promise<void> {
    const target = this.#openTarget('', {});
    await target.openFence().finally(() => target.close());
    const prepared = await this.inContext('', {}, (context) => this.#type.scheduler.prepare?.(context));
    if (prepared?.meta !== undefined) this.meta = prepared.meta;
  }

  /** Plans a step, for two nodes. */
  async plan(step: Step): Promise<PlannedSubtask[]> {
    return this.inContext('', {}, async (context) => {
      const planned: PlannedSubtask[] = [];
      const planContext = { ...context, nodeCount: 2 };
      for await (const subtask of this.#type.scheduler.planStep(planContext, step)) planned.push(throughJson(subtask));
      return planned;
    });
  }

  /** Runs one attempt of one subtask. */
  async runAttempt(step: Step, { meta, ordinal }: PlannedPart, options: AttemptOptions = {}): Promise<JsonValue> {
    const id = options.subtaskId ?? this.nextSubtaskId();
    return this.inContext(step, { ...options, subtaskId: id }, async (context) => {
      const executor = this.#executorOf(step, context.task);
      executor.resetSummary?.(id);
      const result = await executor.runSubtask({
        ...context,
        throttle: this.throttle,
        subtask: { id, step, ordinal, meta, idempotencyKey: id },
        checkpoint: this.#checkpoints.get(id) ?? null,
        saveCheckpoint: (value) => {
          this.#checkpoints.set(id, throughJson(value));
          const { rows, bytes } = context.progress;
          this.#kept.set(id, { rows, bytes });
          return Promise.resolve();
        },
        resource: { slots: 1, memoryBytes: 2 ** 28 },
      });
      return throughJson(result ?? null);
    });
  }

  /** What the last attempt of a subtask has counted so far; empty before its first. A runner forgets it at the end; here it stays. */
  summary(step: Step, subtaskId: string): RealtimeSummary {
    return this.#executors.get(step)?.realtimeSummary?.(subtaskId) ?? {};
  }

  /** Runs a subtask, again at once when it gives its slots back to wait: the framework would do so a little later. */
  async untilDone(run: (attempt: number) => Promise<JsonValue>): Promise<JsonValue> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(attempt);
      } catch (error) {
        if (!SubtaskPostponed.is(error)) throw error;
        this.postponed.push(error);
      }
    }
  }

  /** Runs a planned step's subtasks, two at once; what they return is there for the next step. */
  async runAll(
    step: Step,
    planned: readonly PlannedSubtask[],
    runOne: (part: PlannedPart) => Promise<JsonValue>,
  ): Promise<readonly FinishedSubtask[]> {
    const finished: FinishedSubtask[] = [];
    const queue = planned.map(({ meta }, i) => ({ meta, ordinal: i + 1 }));
    const worker = async (): Promise<void> => {
      for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
        finished[part.ordinal - 1] = { ...part, result: await runOne(part), rows: 0, bytes: 0 };
      }
    };
    // A failure is reported when all has stopped, as the framework does: what still runs holds locks in the target.
    const ends = await Promise.allSettled([worker(), worker()]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#finished.set(step, finished);
    return finished;
  }

  /** A user changes some of the meta while `step` is there; what runs is told. */
  async modify(step: Step | null, changes: JsonObject): Promise<void> {
    const modified = await this.inContext(step ?? '', {}, (context) =>
      this.#type.scheduler.modifyMeta?.(context, changes),
    );
    if (modified === undefined) throw new TypeError(`${this.#type.type} has no modifyMeta`);
    this.meta = modified;
    for (const executor of this.#executors.values()) await executor.taskMetaModified?.(modified);
  }

  /** The last hook. */
  async done(): Promise<JsonValue> {
    const result = await this.inContext('', {}, (context) => this.#type.scheduler.onDone?.(context));
    return throughJson(result ?? null);
  }

  async revert(options: AttemptOptions = {}): Promise<void> {
    await this.inContext('', options, (context) => this.#type.scheduler.revert?.(context));
  }

  nextSubtaskId(): string {
    return `${++this.#lastSubtaskId}`;
  }

  /** One per step, as in a runner. */
  #executorOf(step: Step, task: TaskView<Meta>): StepExecutor<Meta, Settings> {
    const executor = this.#executors.get(step) ?? this.#type.executor.getStepExecutor(step, task);
    this.#executors.set(step, executor);
    return executor;
  }

  #openTarget(
    step: string,
    { subtaskId = this.nextSubtaskId(), attempt = 1, signal = new AbortController().signal }: AttemptOptions,
    counted = { rows: 0, bytes: 0 },
  ): OpenTarget {
    const { url, taskId, fenceGraceMs } = this.#options;
    const owner = { clusterId: 'test', taskId, subtaskId, step, attempt };
    const keep = (): void => void this.#kept.set(subtaskId, { ...counted });
    const batchMarks = { beginBatch: keep, endBatch: (isCommitted: boolean) => (isCommitted ? keep() : undefined) };
    const options = { name: 'target', url, owner, signal, batchMarks };
    return openTarget({ ...options, ...(fenceGraceMs !== undefined && { fenceGraceMs }) });
  }

  /** Gives a hook what the framework would. @param step '' for hooks outside of a step. */
  protected async inContext<T>(
    step: string,
    options: AttemptOptions,
    work: (context: HookContext<Meta, Settings>) => Promise<T> | T,
  ): Promise<T> {
    const { attempt = 1, signal = new AbortController().signal } = options;
    const counted = { rows: 0, bytes: 0, ...this.#kept.get(options.subtaskId ?? '') };
    const target = this.#openTarget(step, { ...options, attempt, signal }, counted);
    const connection = options.around?.(target.connection) ?? target.connection;
    const { taskId } = this.#options;
    const { type, version: typeVersion } = this.#type;
    try {
      return await work({
        task: { id: taskId, key: taskId, type, typeVersion, meta: this.meta, step: step || null, slots: 2 },
        settings: this.#options.settings(),
        nodeId: 'node-1',
        attempt,
        signal,
        logger: this.logger,
        ...this.recorded(counted),
        tracer: trace.getTracer('test'),
        meter: metrics.getMeter('test'),
        connection: () => connection,
        previousSubtasks: (name) => each(this.#finished.get(name) ?? []),
      });
    } finally {
      await target.close();
    }
  }
}

async function* each<T>(items: readonly T[]): AsyncIterable<T> {
  for (const item of items) yield await Promise.resolve(item);
}

function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
