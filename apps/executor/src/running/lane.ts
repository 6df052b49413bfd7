import type { SlotLease } from './slot-ledger.ts';

/**
 * Room for one subtask of a task: its slots are leased as long as something is in it. Small subtasks go through it several in turn,
 * handed to the runner together; of these only one runs at a time, and the others can be taken back until they begin.
 */
export interface Lane {
  readonly taskId: string;
  readonly lease: SlotLease;
  /** Subtasks in it that have not come to an end. */
  open: number;
  /** Whether it is a turn; otherwise it has a single subtask, which begins at once. */
  readonly isTurn: boolean;
  /** Whether what its turn has not begun is taken back, or is about to be. */
  isClosed: boolean;
}

/** So many subtasks of a lane are in it no longer. The last one frees its slots. */
export function leaveLane(lane: Lane, count: number): void {
  if (count === 0) return;
  lane.open -= count;
  if (lane.open === 0) lane.lease.release();
}
