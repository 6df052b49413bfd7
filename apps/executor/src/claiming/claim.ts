import type { ClaimRequest } from '@longshore/store';
import type { SlotLease } from '../running/slot-ledger.ts';

/**
 * A statement that makes rows this node's, from before it is sent until its answer is taken over here or it has failed. Which rows it
 * brings is not known before, so nothing that was running in the store's eyes may be freed while one is under way.
 */
export interface Claim {
  readonly requests: readonly ClaimRequest[];
  /** Control subtasks, by id. */
  readonly controls: readonly string[];
  /** Tasks whose control subtasks are wanted, whichever they are. */
  readonly hinted: readonly string[];
  /** Slots that are kept for what it brings. */
  readonly leases: readonly SlotLease[];
}
