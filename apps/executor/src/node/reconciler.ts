import { startLoop, type WakeableLoop } from '@longshore/service';
import { releaseUnknown, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import type { ClaimsUnderWay } from '../claiming/claims-under-way.ts';
import type { Membership } from './membership.ts';

export interface ReconcilerOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly membership: Pick<Membership, 'identity' | 'isCurrent'>;
  readonly claims: Pick<ClaimsUnderWay, 'ended'>;
  /** Ids of all rows that this node has: claimed, running, or with an end that is not written yet. */
  readonly known: () => ReadonlySet<string>;
  /** How often to look, in milliseconds. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

/**
 * Gives back rows that are stored as this node's and that it doesn't know: the answer to a claim got lost on the way, or a result could
 * not be written.
 *
 * A row that is found so may be one that a claim has just brought, whose answer is still on its way. Every claim that can have brought it
 * had begun when the list of found rows arrived. So all claims that have begun by then are waited for, and only what is not known after
 * that is freed. A claim of unknown outcome ends by its connection's limits, and what it has left is found by a later look.
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
    const { store, logger, membership, claims, known } = this.#options;
    if (!membership.isCurrent) return false;
    const released = await releaseUnknown(store.db, membership.identity, [...known()], async (found) => {
      await claims.ended();
      const knownNow = known();
      return found.filter((one) => !knownNow.has(one.id));
    });
    if (released > 0) logger.warn({ released }, 'gave back subtasks that were claimed without our knowing');
    return false;
  }
}
