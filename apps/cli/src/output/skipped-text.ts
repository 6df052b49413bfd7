import type { TaskView } from '@longshore/client';
import { formatCountOf } from './format-values.ts';

/** Whether anything was left out of a task on request. */
export function hasSkipped({ skipped }: TaskView): boolean {
  return skipped !== undefined && skipped.subtasks + skipped.hooks > 0;
}

/** `2 subtasks and 1 hook skipped`; empty: nothing was. */
export function skippedText(task: TaskView): string {
  if (!hasSkipped(task)) return '';
  const { subtasks = 0, hooks = 0 } = task.skipped ?? {};
  const parts = [
    ...(subtasks > 0 ? [formatCountOf(subtasks, 'subtask')] : []),
    ...(hooks > 0 ? [formatCountOf(hooks, 'hook')] : []),
  ];
  return `${parts.join(' and ')} skipped`;
}
