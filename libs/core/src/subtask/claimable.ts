import { SubtaskKind } from './subtask-states.ts';
import type { TaskState } from '../task/task-states.ts';

/**
 * In which states of its task a subtask of each kind may be claimed. Together with the task's current step and plan
 * attempt this alone decides what may start, so that a cancel or a pause is one update of the task's row.
 */
export const CLAIMABLE_IN: Readonly<Record<SubtaskKind, readonly TaskState[]>> = {
  [SubtaskKind.work]: ['running'],
  [SubtaskKind.prepare]: ['pending'],
  [SubtaskKind.plan]: ['pending', 'running'],
  [SubtaskKind.finish]: ['running'],
  [SubtaskKind.revert]: ['reverting'],
  [SubtaskKind.clean]: ['succeed', 'failed', 'reverted'],
  [SubtaskKind.modify]: ['modifying'],
  [SubtaskKind.gates]: ['running'],
  [SubtaskKind.place]: ['running'],
};

/** Whether a subtask of this kind may start while its task is in this state. Whether it may go on says `stopReasonOf`. */
export function isClaimable(kind: SubtaskKind, taskState: string): boolean {
  return (CLAIMABLE_IN[kind] as readonly string[]).includes(taskState);
}
