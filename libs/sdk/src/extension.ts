import type { TaskView } from './hook-context.ts';
import type { JsonValue } from './json.ts';
import type { StepExecutor } from './step-executor.ts';

/** The part of a task type that does the work. */
export interface Extension<Meta = unknown, Settings = unknown> {
  /**
   * Whether a subtask may run again after its node was lost. Asked for each subtask while its step is planned. Default: yes. A
   * subtask that may not fails with NODE_LOST then, and is never preempted or moved while it runs.
   *
   * @param meta what the plan says of the subtask.
   */
  isIdempotent?(step: string, meta: JsonValue): boolean;
  /** The executor of a task's step; called once per runner, task and step. */
  getStepExecutor(step: string, task: TaskView<Meta>): StepExecutor<Meta, Settings>;
  /** Whether an error without a `permanent` flag may pass by itself. Default: yes. */
  isRetryableError?(error: unknown): boolean;
}
