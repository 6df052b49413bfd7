import type { TaskForRunner } from '@longshore/store';
import type { Lane } from './lane.ts';
import type { SlotLease } from './slot-ledger.ts';

/** A change of a task that its running subtasks are told of: meta and budget first, then the slots of each step. */
export interface TaskChange {
  /** The task after it; null: it is being read. */
  fresh: TaskForRunner | null;
  /** Steps whose subtasks were told. */
  readonly steps: Set<string>;
}

/**
 * Subtasks of one step that are to have other slots. With fewer slots, they are told first, and the slots are freed then. With more, the
 * slots are taken first, and given back if the type can't use them.
 */
export interface LaneResize {
  readonly step: string;
  /** Slots of each subtask. */
  readonly wanted: number;
  /** @property more the slots that were taken for it; null: it gets fewer. */
  readonly lanes: readonly { readonly lane: Lane; readonly more: SlotLease | null }[];
}
