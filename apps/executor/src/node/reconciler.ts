import { faultPoint } from '@longshore/faults';
import { startLoop, type WakeableLoop } from '@longshore/service';
import { releaseUnknown, type Store, type SubtaskAttempt } from '@longshore/store';
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
 * Hands back rows that the store shows as this node's and that the node doesn't know: the answer to a claim got lost, or a result could not be
 * written. A found row may also be one that a claim has just brought, whose answer is still on its way. So the node says which found rows
 * are really unknown (`unknown-found`), once all claims have ended that had begun by then. A claim of unknown outcome ends by the limits of
 * its connection, and a later look finds what it left.
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
        const answered = new Promise<readonly SubtaskAttempt[]>((answer) =>
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
