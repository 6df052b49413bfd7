import type { TaskGuard } from './task-transitions.ts';

/**
 * Why a task awaits resolution, as the guard of the transitions that lead out of that state. A failed revert counts before a failed
 * finish hook, then a failed plan, then failed work. A task that missed its deadline has none of them.
 *
 * @param failedControls kinds of its control subtasks that have failed for good.
 * @param step its current step; null before the first one.
 */
export function resolutionGuard(failedControls: readonly string[], step: string | null): TaskGuard {
  if (failedControls.includes('revert')) return 'a revert failed';
  if (failedControls.includes('finish')) return 'a finish hook failed';
  if (step === null) return 'it was pending';
  return failedControls.includes('plan') ? 'a plan failed' : 'a step failed';
}
