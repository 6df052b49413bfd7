import type { FinishedSubtask, JsonValue, PlannedSubtask } from '@longshore/sdk';
import { TaskTypeRun } from '@longshore/testing-plugins';
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

/** One import whose hooks a test calls itself. */
export class ImportRun extends TaskTypeRun<ImportMeta, { roots: string[] }, StepName> {
  roots: readonly string[];

  constructor({ roots, ...options }: ImportRunOptions) {
    super({ ...options, type: importTaskType, settings: () => ({ roots: [...this.roots] }) });
    this.roots = roots;
  }

  /** Runs one subtask. */
  runSubtask(
    step: StepName,
    { meta }: PlannedSubtask,
    { onProgress, ...options }: SubtaskRunOptions = {},
  ): Promise<JsonValue> {
    if (onProgress !== undefined) this.onProgress = onProgress;
    return this.runAttempt(step, { meta, ordinal: 1 }, options);
  }

  /** Plans a step and runs its subtasks, a few at once; what they return is there for the next step. */
  async runStep(step: StepName): Promise<readonly FinishedSubtask[]> {
    return this.runAll(step, await this.plan(step), ({ meta }) => this.runSubtask(step, { meta }));
  }

  /** From the first hook to the last. */
  async run(): Promise<JsonValue> {
    await this.prepare();
    for (const step of importTaskType.steps) await this.runStep(step as StepName);
    return this.done();
  }
}
