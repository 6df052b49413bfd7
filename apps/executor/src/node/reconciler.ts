import { faultPoint } from '@longshore/faults';
import { startLoop, type WakeableLoop } from '@longshore/service';
import { releaseUnknown, type HeldSubtask, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import type { NodeLoop } from './node-loop.ts';
import type { Membership } from './membership.ts';

export interface ReconcilerOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly membership: Pick<Membership, 'identity' | 'isCurrent'>;
  readonly node: Pick<NodeLoop, 'state' | 'tell'>;
  /** How often to look, in milliseconds. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

/**
 * Gives back rows that are stored as this node's and that it doesn't know: the answer to a claim got lost on the way, or a result could
 * not be written.
 *
 * A row that is found so may be one that a claim has just brought, whose answer is still on its way. Which of the found rows are really
 * unknown says the node (`unknown-found`), once the claims have ended that had begun when the list of found rows arrived. A claim of
 * unknown outcome ends by its connection's limits, and what it has left is found by a later look.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #loop: WakeableLoop;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#loop = startLoop({
      intervalMs: options.intervalMs,
      round: () => this.#look(),
      onError: (error) => options.logger.warn({ error }, 'looking for rows that this node does not know failed'),
      signal: options.signal,
    });
  }

  get done(): Promise<void> {
    return this.#loop.done;
  }

  async #look(): Promise<boolean> {
    const { store, logger, membership, node } = this.#options;
    await faultPoint('reconcile.before');
    if (!membership.isCurrent) return false;
    const released = await releaseUnknown(
      store.db,
      membership.identity,
      [...node.state.runs.known()],
      async (found) => {
        const answered = new Promise<readonly HeldSubtask[]>((answer) =>
          node.tell({ kind: 'unknown-found', found, answer }),
        );
        await faultPoint('reconcile.asked');
        return answered;
      },
    );
    if (released > 0) logger.warn({ released }, 'gave back subtasks that were claimed without our knowing');
    return false;
  }
}
