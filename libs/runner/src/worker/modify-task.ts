import type { RunningTaskChange, RunSpec } from '../channel/messages.ts';
import type { StepExecutors } from './step-executors.ts';

/**
 * Tells the running subtasks of a task what changed.
 *
 * @param runs what runs in this thread, of all tasks.
 * @returns whether it conforms: false when slots were to be changed and the type has no hook for that.
 * @throws what the type's hooks throw.
 */
export async function modifyTask(
  change: RunningTaskChange,
  runs: Iterable<RunSpec>,
  executors: StepExecutors,
): Promise<boolean> {
  const { taskId, isThrottled, meta, resource } = change;
  if (isThrottled !== undefined) {
    for (const run of runs) if (run.task.id === taskId) run.isThrottled = isThrottled;
  }
  if (meta !== undefined) {
    for (const executor of await executors.of(taskId)) await executor.taskMetaModified?.(meta);
  }
  if (resource === undefined) return true;
  const { step, slots, memoryBytes } = resource;
  const concerned = await executors.of(taskId, step);
  if (concerned.some((executor) => executor.resourceModified === undefined)) return false;
  for (const executor of concerned) await executor.resourceModified?.({ slots, memoryBytes });
  return true;
}
