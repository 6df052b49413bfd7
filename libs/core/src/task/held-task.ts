import type { ControlKind } from '../subtask/subtask-states.ts';
import type { TaskGuard } from './task-transitions.ts';

/**
 * What keeps a held task from going on, as the guard of the transitions that lead out of it. A failed revert counts before a failed finish
 * hook, that before a failed plan, and that before failed work; a task that failed by its deadline has none of them.
 *
 * @param failedControls kinds of its control subtasks that have failed for good.
 * @param step its current step; null before the first one.
 */
export function holdGuard(failedControls: readonly ControlKind[], step: string | null): TaskGuard {
  if (failedControls.includes('revert')) return 'a revert failed';
  if (failedControls.includes('finish')) return 'a finish hook failed';
  if (step === null) return 'it was pending';
  return failedControls.includes('plan') ? 'a plan failed' : 'a step failed';
}
