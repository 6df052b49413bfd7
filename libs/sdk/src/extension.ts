import type { TaskView } from './hook-context.ts';
import type { JsonValue } from './json.ts';
import type { StepExecutor } from './step-executor.ts';

/** The part of a task type that works. */
export interface Extension<Meta = unknown, Settings = unknown> {
  /**
   * Whether a subtask may simply be run again after its node was lost; asked for each one while its step is planned. Default: yes. One
   * that may not fails with NODE_LOST then, and is never preempted or moved while it runs.
   *
   * @param meta what the plan says of the subtask.
   */
  isIdempotent?(step: string, meta: JsonValue): boolean;
  /** The executor of a task's step; called once per runner, task and step. */
  getStepExecutor(step: string, task: TaskView<Meta>): StepExecutor<Meta, Settings>;
  /** Whether an error without a `permanent` flag of its own may pass by itself. Default: yes. */
  isRetryableError?(error: unknown): boolean;
}
