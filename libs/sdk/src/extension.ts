import type { StepExecutor } from './step-executor.ts';

/** The part of a task type that works. */
export interface Extension<Meta = unknown, Settings = unknown> {
  /**
   * Whether a subtask of this step may simply be run again after its node was lost. Default: yes. One that may not fails with
   * NODE_LOST then, and is never preempted or moved while it runs.
   */
  isIdempotent?(step: string): boolean;
  /** The step's executor; called once per runner and step. */
  getStepExecutor(step: string): StepExecutor<Meta, Settings>;
  /** Whether an error without a `permanent` flag of its own may pass by itself. Default: yes. */
  isRetryableError?(error: unknown): boolean;
}
