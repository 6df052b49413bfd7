import type { ControlSnapshot } from '../task/decide-task.ts';
import type { Placement } from './label-selectors.ts';
import { SubtaskKind } from '../subtask/subtask-kinds.ts';

/** Where the current step may run, as its task type said. */
export interface StepPlacement {
  /** Null: everywhere. */
  readonly placement: Placement | null;
  /** The membership for which it said so; null: it was never asked. */
  readonly placedFor: string | null;
}

/** What placing a task's current step depends on. */
export interface PlacingTask {
  readonly step: string | null;
  readonly controls: readonly Pick<ControlSnapshot, 'kind'>[];
  /** Whether a subtask is pending, paused or running. */
  readonly hasPending: boolean;
  readonly hasRunning: boolean;
  /** Null: nothing is stored of the step. */
  readonly stepPlacement: StepPlacement | null;
}

/**
 * The placement that admission uses. It ignores the placement of a finished step: otherwise the task could not plan the next step
 * after its last nodes are gone.
 */
export function placementInForce(task: PlacingTask): Placement | null {
  return isStepOpen(task) ? (task.stepPlacement?.placement ?? null) : null;
}

/**
 * Whether the type is to be asked anew where the current step may run.
 *
 * @param type its hooks; only one with `eligibleNodes` is asked.
 * @param membership that of the nodes which the task could use now, to compare with the stored one.
 */
export function needsPlacement(
  task: PlacingTask,
  type: { readonly hooks: readonly string[] },
  membership: () => string,
): boolean {
  if (!type.hooks.includes('eligibleNodes') || !isStepOpen(task)) return false;
  return membership() !== (task.stepPlacement?.placedFor ?? null);
}

/** Whether there is work of the current step left: the next plan, or the end, comes when there is none. */
function isStepOpen({ step, controls, hasPending, hasRunning }: PlacingTask): boolean {
  const isOver = controls.some(({ kind }) => kind === SubtaskKind.plan || kind === SubtaskKind.finish);
  return step !== null && !isOver && (hasPending || hasRunning);
}
