import type { FinishedSubtask, JsonValue, SqlClient, TargetConnection, TaskType } from '@longshore/sdk';
import { TaskTypeRun } from '@longshore/testing-plugins';
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

/** One backfill whose hooks a test calls itself, with places of its own around each batch. */
export class BackfillRun extends TaskTypeRun<BackfillTuning, undefined, StepName> {
  readonly #steps: readonly string[];

  constructor(options: BackfillRunOptions) {
    super({ ...options, settings: () => undefined });
    this.#steps = options.type.steps;
  }

  /** Waits that have not ended. */
  get openWaits(): number {
    return this.openReasons.size;
  }

  /** Rows that batches asked for, in order. */
  get asked(): readonly number[] {
    return this.batches.map(({ rows = 0 }) => rows);
  }

  /** Runs one attempt of one subtask. */
  runSubtask(step: StepName, meta: JsonValue, { at, ...options }: AttemptOptions = {}): Promise<JsonValue> {
    const around = at === undefined ? {} : { around: (connection: TargetConnection) => withPlaces(connection, at) };
    return this.runAttempt(step, { meta, ordinal: 1 }, { ...options, ...around });
  }

  /** Plans a step and runs its subtasks, a few at once; what they return is there for the next step. */
  async runStep(
    step: StepName,
    runOne: (meta: JsonValue) => Promise<JsonValue> = (meta) => this.#runPostponed(step, meta),
  ): Promise<readonly FinishedSubtask[]> {
    return this.runAll(step, await this.plan(step), ({ meta }) => runOne(meta));
  }

  #runPostponed(step: StepName, meta: JsonValue): Promise<JsonValue> {
    const subtaskId = this.nextSubtaskId();
    return this.untilDone((attempt) => this.runSubtask(step, meta, { subtaskId, attempt }));
  }

  /** From the first hook to the last. */
  async run(): Promise<JsonValue> {
    await this.prepare();
    for (const step of this.#steps) await this.runStep(step as StepName);
    return this.done();
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
