import { brand, hasBrand, TaskOutcome } from '@longshore/core';
import type { TaskView } from '@longshore/protocol';

/** Thrown for a task that ended without a result. Code, permanence and details are those of the task's own error. */
export class TaskFailedError extends Error {
  override readonly name = 'TaskFailedError';
  /** Stable; one of the framework's or of the task type's, TASK_CANCELED for a canceled task. */
  readonly code: string;
  /** Whether submitting the same again cannot help. */
  readonly permanent: boolean;
  /** Typed fields of the error, such as the file and line of a bad row. */
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** The task as it ended. */
  readonly task: TaskView;

  static {
    brand(this, 'task-failed-error');
  }

  /** Whether this is one, also of another copy of this package. */
  static is(thrown: unknown): thrown is TaskFailedError {
    return hasBrand(thrown, 'task-failed-error');
  }

  constructor(task: TaskView) {
    const wasCanceled = task.outcome === TaskOutcome.canceled;
    const why = task.error?.message ?? (wasCanceled ? 'on request' : 'it left no error');
    super(`task ${task.id} (${task.type}) ${wasCanceled ? 'was canceled' : 'failed'}: ${why}`);
    this.code = wasCanceled ? 'TASK_CANCELED' : (task.error?.code ?? 'INTERNAL');
    this.permanent = wasCanceled || (task.error?.permanent ?? true);
    this.details = task.error?.details;
    this.task = task;
  }
}
