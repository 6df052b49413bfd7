import { TaskState } from '@longshore/core';
import type { ScheduledTask, StoredType } from '@longshore/store';

/** What a pass needs to know of a task's type. */
export type KnownType = Pick<StoredType, 'steps' | 'hooks'>;

/**
 * Stands for a type that nobody knows: of a task that is still to be validated, or whose type nobody ever registered. Nothing of such a task
 * has run, so it has no hooks to run either.
 */
const UNRESOLVED: KnownType = { steps: [], hooks: [] };

/**
 * Finds what is known of a task's type. Null: the task can't be run, and is refused. A task without a type that was refused, paused or canceled
 * already goes that way to its end.
 *
 * @param typeOf the registered version that runs the task; null: nobody ever registered one.
 */
export async function findKnownType(
  task: ScheduledTask,
  typeOf: (task: ScheduledTask) => Promise<StoredType | null>,
): Promise<KnownType | null> {
  if (!task.isValidated) return UNRESOLVED;
  const type = await typeOf(task);
  return type === null && task.state !== TaskState.pending && task.step === null ? UNRESOLVED : type;
}
