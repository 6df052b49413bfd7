import type { ClaimRequest } from '@longshore/store';
import type { SlotLease } from '../running/slot-ledger.ts';
import type { ClaimableTask } from './claimable-task.ts';

/** What the loop is about to claim. It goes through the tasks in rank order, and waits a moment for the runner of one where there is none. */
export interface Planning {
  readonly tasks: readonly ClaimableTask[];
  readonly controls: readonly string[];
  readonly hinted: readonly string[];
  readonly requests: ClaimRequest[];
  readonly leases: SlotLease[];
  /** The place of the task that is looked at. */
  index: number;
  /** The task whose runner is waited for; null: none is. */
  opening: string | null;
  /** Slots that tasks looked at before will take without this claim: for what they have claimed ahead, or when their runner has come. */
  planned: number;
  /** Slots that are being freed, for whoever asks first. */
  freeing: number;
}
