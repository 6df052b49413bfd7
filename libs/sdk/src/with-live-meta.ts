import type { StepExecutor } from './step-executor.ts';

/**
 * A step executor whose running subtasks follow a change of the task's meta: `context.task.meta` is the newest one at any time. Read it
 * where it is used, such as before each batch, and not once at the start.
 *
 * @param executor its own `taskMetaModified` is called before the change is visible; if it throws, the change stays invisible.
 */
export function withLiveMeta<Meta, Settings>(executor: StepExecutor<Meta, Settings>): StepExecutor<Meta, Settings> {
  let modified: { readonly meta: Meta } | null = null;
  return {
    runSubtask: (context) => {
      const { task } = context;
      return executor.runSubtask({
        ...context,
        task: {
          ...task,
          // What was told is never older than what a subtask was started with.
          get meta() {
            return modified === null ? task.meta : modified.meta;
          },
        },
      });
    },
    taskMetaModified: async (meta) => {
      await executor.taskMetaModified?.(meta);
      modified = { meta };
    },
    ...(executor.init !== undefined && { init: (context) => executor.init?.(context) ?? Promise.resolve() }),
    ...(executor.resourceModified !== undefined && {
      resourceModified: (resource) => executor.resourceModified?.(resource) ?? Promise.resolve(),
    }),
    ...(executor.realtimeSummary !== undefined && {
      realtimeSummary: (subtaskId) => executor.realtimeSummary?.(subtaskId) ?? {},
    }),
    ...(executor.resetSummary !== undefined && { resetSummary: (subtaskId) => executor.resetSummary?.(subtaskId) }),
    ...(executor.cleanup !== undefined && { cleanup: () => executor.cleanup?.() ?? Promise.resolve() }),
  };
}
