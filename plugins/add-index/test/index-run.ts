import { metrics, trace } from '@opentelemetry/api';
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
} from '@longshore/sdk';
import addIndexTaskType, { type AddIndexMeta } from '../src/index.ts';

/** A statement of ours, seen on its way to the server. */
export interface Moment {
  readonly when: 'before' | 'after';
  readonly text: string;
}

/** Sees each statement of a hook; what it throws or aborts is how the hook is killed there. */
export type Tap = (moment: Moment) => Promise<void> | void;

export interface HookOptions {
  readonly signal?: AbortSignal;
  readonly tap?: Tap;
}

export type StepName = 'parents' | 'build' | 'attach' | 'verify';

const STEPS: readonly StepName[] = ['parents', 'build', 'attach', 'verify'];

/**
 * One add-index whose hooks a test calls itself, in the order that the framework would, on the real target connection. The only
 * things made by hand are what executor and store do: ids and attempts, results kept for the next step, what is waited for.
 */
export class IndexRun {
  meta: AddIndexMeta;
  readonly progress = { rows: 0, bytes: 0 };
  /** What subtasks wait for now, and ever waited for. */
  readonly waiting = new Set<string>();
  readonly waited: string[] = [];
  readonly phases: (string | null)[] = [];
  readonly throttled: unknown[] = [];
  readonly logged: string[] = [];
  /** How attempts gave their slots back to wait. */
  readonly postponed: SubtaskPostponed[] = [];
  readonly #url: string;
  readonly #taskId: string;
  readonly #plans = new Map<StepName, readonly PlannedSubtask[]>();
  readonly #finished = new Map<string, FinishedSubtask[]>();
  readonly #attempts = new Map<string, number>();
  readonly #executors = new Map<StepName, StepExecutor<AddIndexMeta>>();

  constructor(options: { readonly url: string; readonly taskId: string; readonly meta: Record<string, unknown> }) {
    this.#url = options.url;
    this.#taskId = options.taskId;
    // Like the owner: a meta that fails its schema never gets this far, and defaults are filled in.
    const checked = addIndexTaskType.meta['~standard'].validate({ connection: 'target', ...options.meta });
    if (checked instanceof Promise || checked.issues !== undefined) throw new TypeError(JSON.stringify(checked));
    this.meta = checked.value;
  }

  async prepare(): Promise<void> {
    const target = this.#openTarget('', '1', 1, new AbortController().signal);
    // As the framework does before the first hook of a task: without it nothing may be written.
    await target.openFence().finally(() => target.close());
    const prepared = await this.#control((context) => addIndexTaskType.scheduler.prepare!(context));
    if (prepared?.meta !== undefined) this.meta = prepared.meta;
  }

  /** Plans a step, once. */
  async plan(step: StepName): Promise<readonly PlannedSubtask[]> {
    const known = this.#plans.get(step);
    if (known !== undefined) return known;
    const planned = await this.#control(async (context) => {
      const subtasks: PlannedSubtask[] = [];
      const planContext: PlanContext<AddIndexMeta, undefined> = { ...context, nodeCount: 2 };
      for await (const subtask of addIndexTaskType.scheduler.planStep(planContext, step)) subtasks.push(subtask);
      return JSON.parse(JSON.stringify(subtasks)) as PlannedSubtask[];
    });
    this.#plans.set(step, planned);
    return planned;
  }

  /** Runs one subtask of a planned step, as its next attempt. */
  async runSubtask(step: StepName, ordinal: number, options: HookOptions = {}): Promise<JsonValue> {
    const id = this.#subtaskId(step, ordinal);
    const attempt = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempt);
    return this.lateAttempt(step, ordinal, attempt, options);
  }

  /** A user changes some of the meta while `step` is there; what runs is told. */
  async modify(step: StepName | null, changes: JsonObject): Promise<void> {
    this.meta = await this.#inContext(step ?? '', '3', 1, {}, (context) =>
      addIndexTaskType.scheduler.modifyMeta!(context, changes),
    );
    for (const executor of this.#executors.values()) await executor.taskMetaModified!(this.meta);
  }

  /** One per step, as in a runner. */
  #executorOf(step: StepName, task: TaskView<AddIndexMeta>): StepExecutor<AddIndexMeta> {
    const executor = this.#executors.get(step) ?? addIndexTaskType.executor.getStepExecutor(step, task);
    this.#executors.set(step, executor);
    return executor;
  }

  /** Runs one subtask under a number of attempt that others may be above. */
  async lateAttempt(step: StepName, ordinal: number, attempt: number, options: HookOptions = {}): Promise<JsonValue> {
    const planned = (await this.plan(step))[ordinal - 1];
    if (planned === undefined) throw new RangeError(`${step} has no subtask ${ordinal}`);
    const id = this.#subtaskId(step, ordinal);
    const result = await this.#inContext(step, id, attempt, options, (context) => {
      const subtask: SubtaskContext<AddIndexMeta, undefined> = {
        ...context,
        subtask: { id, step, ordinal, meta: planned.meta, idempotencyKey: id },
        checkpoint: null,
        saveCheckpoint: () => Promise.resolve(),
        progress: {
          add: ({ rows = 0, bytes = 0 }) => {
            this.progress.rows += rows;
            this.progress.bytes += bytes;
          },
          phase: (name) => void this.phases.push(name),
        },
        throttle: {
          beforeBatch: (cost) => Promise.resolve(void this.throttled.push(cost)),
          spend: () => Promise.resolve(),
        },
        waiting: ({ code, message }) => {
          const shown = `${code}: ${message}`;
          this.waiting.add(shown);
          this.waited.push(shown);
          return () => void this.waiting.delete(shown);
        },
        resource: { slots: 1, memoryBytes: 2 ** 28 },
      };
      return this.#executorOf(step, context.task).runSubtask(subtask);
    });
    // Through JSON, as it is stored.
    return JSON.parse(JSON.stringify(result ?? null)) as JsonValue;
  }

  #subtaskId(step: StepName, ordinal: number): string {
    return `${(STEPS.indexOf(step) + 1) * 1000 + ordinal}`;
  }

  /** Runs a step's subtasks, two at once; what they return is there for the next step. */
  async runStep(step: StepName, options: HookOptions = {}): Promise<void> {
    const planned = await this.plan(step);
    const finished: FinishedSubtask[] = [];
    const queue = planned.map((_, i) => i + 1);
    const worker = async (): Promise<void> => {
      for (let ordinal = queue.shift(); ordinal !== undefined; ordinal = queue.shift()) {
        const { meta } = planned[ordinal - 1]!;
        const result = await this.runPostponed(step, ordinal, options);
        finished[ordinal - 1] = { ordinal, meta, result, rows: 0, bytes: 0 };
      }
    };
    // A failure is reported when all has stopped, as the framework does: what still runs holds locks in the target.
    const ends = await Promise.allSettled([worker(), worker()]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#finished.set(step, finished);
  }

  /** Runs one subtask, again at once when it gave its slot back to wait: the framework would do so a little later. */
  async runPostponed(step: StepName, ordinal: number, options: HookOptions = {}): Promise<JsonValue> {
    for (;;) {
      try {
        return await this.runSubtask(step, ordinal, options);
      } catch (error) {
        if (!SubtaskPostponed.is(error)) throw error;
        this.postponed.push(error);
      }
    }
  }

  /** The steps from one on, and the last hook. */
  async runFrom(first: StepName, options: HookOptions = {}): Promise<JsonValue> {
    for (const step of STEPS.slice(STEPS.indexOf(first))) await this.runStep(step, options);
    return this.#control(async (context) => (await addIndexTaskType.scheduler.onDone!(context)) ?? null);
  }

  /** From the first hook to the last. */
  async run(): Promise<JsonValue> {
    await this.prepare();
    return this.runFrom('parents');
  }

  async revert(options: HookOptions = {}): Promise<void> {
    await this.#inContext('', '9', 1, options, (context) => addIndexTaskType.scheduler.revert!(context));
  }

  #control<T>(work: (context: HookContext<AddIndexMeta, undefined>) => Promise<T>): Promise<T> {
    return this.#inContext('', '2', 1, {}, work);
  }

  #openTarget(step: string, subtaskId: string, attempt: number, signal: AbortSignal): OpenTarget {
    const owner = { clusterId: 'test', taskId: this.#taskId, subtaskId, step, attempt };
    return openTarget({ name: 'target', url: this.#url, owner, signal, fenceGraceMs: 300 });
  }

  async #inContext<T>(
    step: string,
    subtaskId: string,
    attempt: number,
    { signal = new AbortController().signal, tap }: HookOptions,
    work: (context: HookContext<AddIndexMeta, undefined>) => Promise<T>,
  ): Promise<T> {
    const target = this.#openTarget(step, subtaskId, attempt, signal);
    const connection = tap === undefined ? target.connection : tapped(target.connection, tap);
    const log = (message: string): void => void this.logged.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const finished = this.#finished;
    const taskId = this.#taskId;
    try {
      return await work({
        task: {
          id: taskId,
          key: taskId,
          type: 'add-index',
          typeVersion: '0.1.0',
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

/** The same connection, whose statements the tap sees. */
function tapped(connection: TargetConnection, tap: Tap): TargetConnection {
  const see = (client: SqlClient): SqlClient => ({
    query: async (text, values) => {
      await tap({ when: 'before', text });
      const result = await client.query<never>(text, values);
      await tap({ when: 'after', text });
      return result;
    },
    stream: (submittable) => client.stream(submittable),
  });
  return {
    name: connection.name,
    read: (work) => connection.read(work),
    ledger: (step) => connection.ledger(step),
    effectOnce: async (work) => {
      const outcome = await connection.effectOnce((client) => work(see(client)));
      await tap({ when: 'after', text: 'effectOnce' });
      return outcome;
    },
    effectBatches: (start, work) => connection.effectBatches(start, work),
    effectSession: (work) => connection.effectSession((client) => work(see(client))),
    revertEffects: (work) => connection.revertEffects((client, ledger) => work(see(client), ledger)),
    revertSession: (work) => connection.revertSession((client, ledger) => work(see(client), ledger)),
  };
}
