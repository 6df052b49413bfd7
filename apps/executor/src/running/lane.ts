import type { Turn } from '@longshore/runner';

/**
 * Room for one subtask of a task: its slots are taken as long as something is in it. Small subtasks go through it several in turn,
 * handed to the runner together; of these only one runs at a time, and the others can be taken back until they begin.
 */
export interface Lane {
  /** What it takes; a modification of the task may change it while it is open. */
  slots: number;
  /** Subtasks in it that have not come to an end. */
  open: number;
  /** Null: a single subtask, which begins at once. */
  readonly turn: Pick<Turn, 'takeBack'> | null;
  /** Ends the turn when it takes longer than was expected. */
  readonly timer: NodeJS.Timeout | undefined;
}
