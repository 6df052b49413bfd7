import { openTarget, type OpenTarget } from '@longshore/effects';
import type {
  FinishedSubtask,
  HookContext,
  JsonObject,
  JsonValue,
  Logger,
  PlanContext,
  PlannedSubtask,
  SubtaskContext,
  ThrottleCost,
} from '@longshore/sdk';
import { metrics, trace } from '@opentelemetry/api';
import importTaskType, { type ImportMeta } from '../src/index.ts';

/** Where an import under test runs. */
export interface ImportRunOptions {
  /** URL of the target, which every connection name means. */
  readonly url: string;
  readonly roots: readonly string[];
  /** Decimal; each import of a test needs its own. */
  readonly taskId: string;
  /** What a submit would say, without the connection. */
  readonly meta: Record<string, unknown>;
}

/** How one subtask is run. */
export interface SubtaskRunOptions {
  readonly signal?: AbortSignal;
  /** Id of an earlier attempt; a new one unless given. */
  readonly subtaskId?: string;
  /** Called after each report of progress. */
  readonly onProgress?: () => void;
}

export type StepName = 'scan' | 'load' | 'verify';

/**
 * One import whose hooks a test calls itself, in the order that the framework would, on the real target connection. The only
 * things made by hand are what executor and store do: ids, results kept for the next step, and progress added up.
 */
export class ImportRun {
  meta: ImportMeta;
  roots: readonly string[];
  readonly progress = { rows: 0, bytes: 0 };
  /** What it asked its budget for. */
  readonly spent = { rows: 0, bytes: 0, statements: 0 };
  readonly logged: string[] = [];
  readonly #options: ImportRunOptions;
  readonly #finished = new Map<string, FinishedSubtask[]>();
  #lastSubtaskId = 0;

  constructor(options: ImportRunOptions) {
    this.#options = options;
    this.roots = options.roots;
    // Like the owner: a meta that fails its schema never gets this far, and defaults are filled in.
    const checked = importTaskType.meta['~standard'].validate({ connection: 'target', ...options.meta });
    if (checked instanceof Promise || checked.issues !== undefined) throw new TypeError(JSON.stringify(checked));
    this.meta = checked.value;
  }

  async prepare(): Promise<void> {
    const target = this.#openTarget('', this.nextSubtaskId(), new AbortController().signal);
    // As the framework does before the first hook of a task: without it nothing may be written.
    await target.openFence().finally(() => target.close());
    const prepared = await this.#inContext('', (context) => importTaskType.scheduler.prepare!(context));
    if (prepared?.meta !== undefined) this.meta = prepared.meta;
  }

  async plan(step: StepName): Promise<PlannedSubtask[]> {
    return this.#inContext('', async (context) => {
      const planned: PlannedSubtask[] = [];
      const planContext: PlanContext<ImportMeta, { roots: string[] }> = { ...context, nodeCount: 2 };
      for await (const subtask of importTaskType.scheduler.planStep(planContext, step)) planned.push(subtask);
      return planned;
    });
  }

  /** Runs one subtask. */
  async runSubtask(
    step: StepName,
    planned: PlannedSubtask,
    { signal, subtaskId, onProgress }: SubtaskRunOptions = {},
  ): Promise<JsonValue> {
    const id = subtaskId ?? this.nextSubtaskId();
    return this.#inContext(
      step,
      async (context) => {
        const subtask: SubtaskContext<ImportMeta, { roots: string[] }> = {
          ...context,
          subtask: { id, step, ordinal: 1, meta: planned.meta, idempotencyKey: id },
          checkpoint: null,
          saveCheckpoint: () => Promise.resolve(),
          progress: {
            add: ({ rows = 0, bytes = 0 }) => {
              this.progress.rows += rows;
              this.progress.bytes += bytes;
              onProgress?.();
            },
            phase: () => undefined,
          },
          resource: { slots: 1, memoryBytes: 2 ** 28 },
          throttle: {
            beforeBatch: (cost) => this.#spend(cost),
            spend: (cost) => this.#spend(cost),
          },
          waiting: () => () => undefined,
        };
        // Through JSON, as it is stored.
        const result = await importTaskType.executor.getStepExecutor(step, context.task).runSubtask(subtask);
        return JSON.parse(JSON.stringify(result ?? null)) as JsonValue;
      },
      id,
      signal,
    );
  }

  /** Plans a step and runs its subtasks, a few at once; what they return is there for the next step. */
  async runStep(step: StepName): Promise<readonly FinishedSubtask[]> {
    const planned = await this.plan(step);
    const finished: FinishedSubtask[] = [];
    const queue = [...planned.entries()];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [i, { meta }] = next;
        const result = await this.runSubtask(step, { meta });
        finished[i] = { ordinal: i + 1, meta, result, rows: 0, bytes: 0 };
      }
    };
    // A failure is reported when all has stopped, as the framework does: what still runs holds locks in the target.
    const ends = await Promise.allSettled([worker(), worker()]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#finished.set(step, finished);
    return finished;
  }

  /** From the first hook to the last. */
  async run(): Promise<JsonValue> {
    await this.prepare();
    for (const step of importTaskType.steps) await this.runStep(step as StepName);
    return this.done();
  }

  async done(): Promise<JsonValue> {
    const result = await this.#inContext('', (context) => importTaskType.scheduler.onDone!(context));
    return result ?? null;
  }

  /** A user changes some of the meta while `step` is there. */
  async modify(step: StepName | null, changes: JsonObject): Promise<void> {
    this.meta = await this.#inContext(step ?? '', (context) => importTaskType.scheduler.modifyMeta!(context, changes));
  }

  async revert(): Promise<void> {
    await this.#inContext('', (context) => importTaskType.scheduler.revert!(context));
  }

  #spend({ rows = 0, bytes = 0, statements = 0 }: ThrottleCost): Promise<void> {
    this.spent.rows += rows;
    this.spent.bytes += bytes;
    this.spent.statements += statements;
    return Promise.resolve();
  }

  nextSubtaskId(): string {
    return `${++this.#lastSubtaskId}`;
  }

  #openTarget(step: string, subtaskId: string, signal: AbortSignal): OpenTarget {
    const { url, taskId } = this.#options;
    const owner = { clusterId: 'test', taskId, subtaskId, step, attempt: 1 };
    return openTarget({ name: 'target', url, owner, signal });
  }

  async #inContext<T>(
    step: string,
    work: (context: HookContext<ImportMeta, { roots: string[] }>) => Promise<T>,
    subtaskId: string = this.nextSubtaskId(),
    signal: AbortSignal = new AbortController().signal,
  ): Promise<T> {
    const { taskId } = this.#options;
    const target = this.#openTarget(step, subtaskId, signal);
    const log = (message: string): void => void this.logged.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const finished = this.#finished;
    try {
      return await work({
        task: {
          id: taskId,
          key: taskId,
          type: 'import',
          typeVersion: '0.1.0',
          meta: this.meta,
          step: step || null,
          slots: 2,
        },
        settings: { roots: [...this.roots] },
        nodeId: 'node-1',
        attempt: 1,
        signal,
        logger,
        tracer: trace.getTracer('test'),
        meter: metrics.getMeter('test'),
        connection: () => target.connection,
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
