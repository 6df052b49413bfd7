import { openTarget, type OpenTarget } from '@longshore/effects';
import {
  SubtaskPostponed,
  type FinishedSubtask,
  type HookContext,
  type JsonObject,
  type JsonValue,
  type Logger,
  type PlanContext,
  type PlannedSubtask,
  type SqlClient,
  type StepExecutor,
  type SubtaskContext,
  type TaskView,
  type TargetConnection,
  type TaskType,
  type WaitingReason,
} from '@longshore/sdk';
import { metrics, trace } from '@opentelemetry/api';
import type { BackfillTuning } from '../src/index.ts';

/** Places at which a test may end an attempt, by throwing or by ending its session. */
export type BatchPlace = 'before' | 'changed' | 'committed';

export interface BackfillRunOptions {
  readonly type: TaskType<BackfillTuning, undefined>;
  /** URL of the target, which every connection name means. */
  readonly url: string;
  /** Decimal; each backfill of a test needs its own. */
  readonly taskId: string;
  /** What a submit would say, without the connection. */
  readonly meta: Record<string, unknown>;
}

/** How one attempt of a subtask is run. */
export interface AttemptOptions {
  readonly signal?: AbortSignal;
  /** Of an earlier attempt; a new subtask unless given. */
  readonly subtaskId?: string;
  readonly attempt?: number;
  /** Called at each place of each batch. What it throws ends the attempt there. */
  readonly at?: (place: BatchPlace, client: SqlClient | null) => Promise<void> | void;
}

export type StepName = 'update' | 'tail' | 'verify';

/**
 * One backfill whose hooks a test calls itself, in the order that the framework would, on the real target connection. The only
 * things made by hand are what executor and store do: ids, attempts, results kept for the next step, progress and waits.
 */
export class BackfillRun {
  meta: BackfillTuning;
  readonly progress = { rows: 0 };
  readonly logged: string[] = [];
  readonly waits: WaitingReason[] = [];
  /** Waits that have not ended. */
  openWaits = 0;
  /** How attempts gave their slots back to wait. */
  readonly postponed: SubtaskPostponed[] = [];
  /** Rows that batches asked for, in order. */
  readonly asked: number[] = [];
  readonly #options: BackfillRunOptions;
  readonly #finished = new Map<string, FinishedSubtask[]>();
  readonly #executors = new Map<StepName, StepExecutor<BackfillTuning, undefined>>();
  readonly #checkpoints = new Map<string, JsonValue>();
  #lastSubtaskId = 0;

  constructor(options: BackfillRunOptions) {
    this.#options = options;
    // Like the owner: a meta that fails its schema never gets this far, and defaults are filled in.
    const checked = options.type.meta['~standard'].validate({ connection: 'target', ...options.meta });
    if (checked instanceof Promise || checked.issues !== undefined) throw new TypeError(JSON.stringify(checked));
    this.meta = checked.value;
  }

  async prepare(): Promise<void> {
    const target = this.#openTarget('', this.nextSubtaskId(), 1, new AbortController().signal);
    // As the framework does before the first hook of a task: without it nothing may be written.
    await target.openFence().finally(() => target.close());
    await this.#inContext({ step: '' }, (context) => this.#options.type.scheduler.prepare!(context));
  }

  async plan(step: StepName): Promise<PlannedSubtask[]> {
    return this.#inContext({ step: '' }, async (context) => {
      const planned: PlannedSubtask[] = [];
      const planContext: PlanContext<BackfillTuning, undefined> = { ...context, nodeCount: 2 };
      for await (const subtask of this.#options.type.scheduler.planStep(planContext, step)) planned.push(subtask);
      return planned;
    });
  }

  /** Runs one attempt of one subtask. */
  runSubtask(step: StepName, meta: JsonValue, options: AttemptOptions = {}): Promise<JsonValue> {
    const id = options.subtaskId ?? this.nextSubtaskId();
    return this.#inContext({ step, id, ...options }, async (context) => {
      const subtask = {
        ...context,
        subtask: { id, step, ordinal: 1, meta, idempotencyKey: id },
        checkpoint: this.#checkpoints.get(id) ?? null,
        saveCheckpoint: (value: JsonValue) => Promise.resolve(void this.#checkpoints.set(id, value)),
        progress: {
          add: ({ rows = 0 }) => {
            this.progress.rows += rows;
          },
          phase: () => undefined,
        },
        resource: { slots: 1, memoryBytes: 2 ** 28 },
        throttle: {
          beforeBatch: ({ rows = 0 }) => {
            this.asked.push(rows);
            return Promise.resolve();
          },
          spend: () => Promise.resolve(),
        },
        waiting: (reason: WaitingReason) => {
          this.waits.push(reason);
          this.openWaits += 1;
          return () => {
            this.openWaits -= 1;
          };
        },
      } satisfies SubtaskContext<BackfillTuning, undefined>;
      // Through JSON, as it is stored.
      const result = await this.#executorOf(step, context.task).runSubtask(subtask);
      return JSON.parse(JSON.stringify(result ?? null)) as JsonValue;
    });
  }

  /** Plans a step and runs its subtasks, a few at once; what they return is there for the next step. */
  async runStep(
    step: StepName,
    runOne: (meta: JsonValue) => Promise<JsonValue> = (meta) => this.#runPostponed(step, meta),
  ): Promise<readonly FinishedSubtask[]> {
    const planned = await this.plan(step);
    const finished: FinishedSubtask[] = [];
    const queue = [...planned.entries()];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [i, { meta }] = next;
        finished[i] = { ordinal: i + 1, meta, result: await runOne(meta), rows: 0, bytes: 0 };
      }
    };
    // A failure is reported when all has stopped, as the framework does: what still runs holds locks in the target.
    const ends = await Promise.allSettled([worker(), worker()]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#finished.set(step, finished);
    return finished;
  }

  /** Again at once when it gave its slot back to wait: the framework would do so a little later. */
  async #runPostponed(step: StepName, meta: JsonValue): Promise<JsonValue> {
    const subtaskId = this.nextSubtaskId();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.runSubtask(step, meta, { subtaskId, attempt });
      } catch (error) {
        if (!SubtaskPostponed.is(error)) throw error;
        this.postponed.push(error);
      }
    }
  }

  /** A user changes some of the meta while `step` is there; what runs is told. */
  async modify(step: StepName | null, changes: JsonObject): Promise<void> {
    this.meta = await this.#inContext({ step: step ?? '' }, (context) =>
      this.#options.type.scheduler.modifyMeta!(context, changes),
    );
    for (const executor of this.#executors.values()) await executor.taskMetaModified?.(this.meta);
  }

  /** From the first hook to the last. */
  async run(): Promise<JsonValue> {
    await this.prepare();
    for (const step of this.#options.type.steps) await this.runStep(step as StepName);
    return this.done();
  }

  async done(): Promise<JsonValue> {
    const result = await this.#inContext({ step: '' }, (context) => this.#options.type.scheduler.onDone!(context));
    return JSON.parse(JSON.stringify(result ?? null)) as JsonValue;
  }

  async revert(): Promise<void> {
    await this.#inContext({ step: '' }, (context) => this.#options.type.scheduler.revert!(context));
  }

  nextSubtaskId(): string {
    return `${++this.#lastSubtaskId}`;
  }

  /** One per step, as in a runner. */
  #executorOf(step: StepName, task: TaskView<BackfillTuning>): StepExecutor<BackfillTuning, undefined> {
    const executor = this.#executors.get(step) ?? this.#options.type.executor.getStepExecutor(step, task);
    this.#executors.set(step, executor);
    return executor;
  }

  #openTarget(step: string, subtaskId: string, attempt: number, signal: AbortSignal): OpenTarget {
    const { url, taskId } = this.#options;
    return openTarget({ name: 'target', url, owner: { clusterId: 'test', taskId, subtaskId, step, attempt }, signal });
  }

  async #inContext<T>(
    {
      step,
      id = this.nextSubtaskId(),
      attempt = 1,
      signal = new AbortController().signal,
      at,
    }: AttemptOptions & { readonly step: string; readonly id?: string },
    work: (context: HookContext<BackfillTuning, undefined>) => Promise<T>,
  ): Promise<T> {
    const { taskId, type } = this.#options;
    const target = this.#openTarget(step, id, attempt, signal);
    const connection = at === undefined ? target.connection : withPlaces(target.connection, at);
    const log = (message: string): void => void this.logged.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const finished = this.#finished;
    try {
      return await work({
        task: {
          id: taskId,
          key: taskId,
          type: type.type,
          typeVersion: type.version,
          meta: this.meta,
          step: step || null,
          slots: 2,
        },
        settings: undefined,
        nodeId: 'node-1',
        attempt,
        signal,
        logger,
        tracer: trace.getTracer('test'),
        meter: metrics.getMeter('test'),
        connection: () => connection,
        // eslint-disable-next-line @typescript-eslint/require-await -- the context's is asynchronous
        previousSubtasks: async function* (name) {
          yield* finished.get(name) ?? [];
        },
      });
    } finally {
      await target.close();
    }
  }
}

/** The real connection, with places of a test's own around each real batch. */
function withPlaces(connection: TargetConnection, at: NonNullable<AttemptOptions['at']>): TargetConnection {
  return {
    ...connection,
    effectBatches: (start, work) =>
      connection.effectBatches(start, (batches) =>
        work({
          get checkpoint() {
            return batches.checkpoint;
          },
          batch: async (change) => {
            await at('before', null);
            const next = await batches.batch(async (client, checkpoint) => {
              const moved = await change(client, checkpoint);
              await at('changed', client);
              return moved;
            });
            await at('committed', null);
            return next;
          },
        }),
      ),
  };
}
