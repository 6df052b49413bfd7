import type { LabelSelector } from '../placement/label-selectors.ts';
import type { RetryPolicy } from '../subtask/retry-policy.ts';
import type { OnFailure } from './task-states.ts';
import type { ThrottleLimits } from '../throttle/throttle-budget.ts';

/** A cap on what a task uses of its slots while it runs: on each node, in these steps alone or in all of them. */
export interface RuntimeSlots {
  readonly max: number;
  /** Default: all steps. */
  readonly steps?: readonly string[];
}

/** What may be changed of a task that is not over. What is absent stays; null takes a limit away. */
export interface TaskChanges {
  readonly slots?: number;
  readonly slotsPerSubtask?: number;
  readonly maxNodes?: number | null;
  readonly runtimeSlots?: RuntimeSlots | null;
  readonly priority?: number;
  readonly throttle?: ThrottleLimits | null;
  readonly onFailure?: OnFailure;
  readonly retry?: Partial<RetryPolicy>;
  readonly selectors?: readonly LabelSelector[] | null;
  readonly subtaskTimeoutMs?: number | null;
  readonly stallTimeoutMs?: number | null;
  /** From submit, in milliseconds; paused time isn't counted. */
  readonly deadlineMs?: number | null;
  /** For the type's `modifyMeta`, which answers the whole new meta. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** A modification that is being applied: what to change, and where the task goes back to. */
export interface Modification {
  readonly changes: TaskChanges;
  readonly from: 'pending' | 'running' | 'paused' | 'awaiting-resolution';
}

/**
 * Slots of one subtask after a change of the task's slots: a subtask that had all of them has all again, any other keeps its number
 * as far as it fits.
 */
export function slotsPerSubtaskAfter(
  before: { readonly slots: number; readonly slotsPerSubtask: number },
  changes: Pick<TaskChanges, 'slots' | 'slotsPerSubtask'>,
): number {
  const slots = changes.slots ?? before.slots;
  if (changes.slotsPerSubtask !== undefined) return Math.min(changes.slotsPerSubtask, slots);
  return before.slotsPerSubtask === before.slots ? slots : Math.min(before.slotsPerSubtask, slots);
}

/**
 * The slots that a task uses on a node in a step, and those of one subtask: what it reserved, or less where a cap says so. A subtask
 * that wants more than the cap gets the cap.
 *
 * @param step null: it isn't known, so the cap holds.
 */
export function runtimeSlotsOf(
  task: { readonly slots: number; readonly slotsPerSubtask: number; readonly runtimeSlots: RuntimeSlots | null },
  step: string | null,
): { readonly slots: number; readonly slotsPerSubtask: number } {
  const { runtimeSlots } = task;
  const isCapped =
    runtimeSlots !== null && (runtimeSlots.steps === undefined || step === null || runtimeSlots.steps.includes(step));
  const slots = isCapped ? Math.min(task.slots, runtimeSlots.max) : task.slots;
  return { slots, slotsPerSubtask: Math.min(task.slotsPerSubtask, slots) };
}
