import type { ClaimRequest } from '@longshore/store';
import type { SlotLease } from '../running/slot-ledger.ts';

/**
 * A statement that makes rows this node's: from before it is sent until the node has taken over its answer, or it has failed. Nobody knows
 * before the answer which rows it brings. So nothing that the store shows as running here may be freed while a claim is under way.
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
