import type { ErrorData } from '@longshore/core';
import type { LocalTask } from '../running/local-task.ts';
import type { Run } from '../running/run.ts';

/** Who needs a task's runner: what is to be claimed, a control subtask, or work whose runner has ended. */
export type Waiter =
  | { readonly for: 'planning'; readonly taskId: string }
  | { readonly for: 'control'; readonly run: Run }
  | { readonly for: 'claimed work' };

/** A task whose runner is on its way, asked for once however many need it. */
export interface Opening {
  readonly waiters: Waiter[];
  /** Whether it takes so long that no plan waits for it. Default false. */
  isSlow?: boolean;
}

/** Told when a task is open, has left for history, or can't be opened. */
export interface Opened {
  readonly opened: (local: LocalTask, waiter: Waiter) => void;
  readonly gone: (waiter: Waiter) => void;
  readonly failed: (waiter: Waiter, taskId: string, error: ErrorData) => void;
}
