import { faultPoint } from '@longshore/faults';
import { FailureLog, startLoop, type WakeableLoop } from '@longshore/service';
import { releaseUnknown, type Store, type SubtaskAttempt } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import type { NodeLoop } from './node-loop.ts';
import type { Membership } from './membership.ts';

export interface ReconcilerOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly membership: Pick<Membership, 'identity' | 'isCurrent'>;
  readonly node: Pick<NodeLoop, 'state' | 'tell'>;
  /** How often to look where nothing is known to be lost, in milliseconds. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** A monotonic clock, in milliseconds. Default: the process's. */
  readonly now?: () => number;
}

/** How soon a look that failed is repeated, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Hands back rows that the store shows as this node's and that the node doesn't know: the answer to a claim got lost, or a result could not be
 * written. A found row may also be one that a claim has just brought, whose answer is still on its way. So the node says which found rows
 * are really unknown (`unknown-found`), once all claims have ended that had begun by then. A claim of unknown outcome ends by the limits of
 * its connection, and the look that follows it finds what it left.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #now: () => number;
  readonly #loop: WakeableLoop;
  /** Looks that were asked for, and how many of them have been made. */
  #asked = 1;
  #made = 0;
  #nextAt = 0;
  readonly #log: FailureLog;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#log = new FailureLog(options.logger, 'looking for rows that this node does not know');
    this.#now = options.now ?? (() => performance.now());
    this.#loop = startLoop({
      intervalMs: Math.min(options.intervalMs, LOOK_AGAIN_MS),
      round: () => this.#lookIfDue(),
      onError: (error) => this.#failed(error),
      signal: options.signal,
    });
  }

  /** Something was lost: what came of a claim is unknown, or a result could not be written. */
  lookSoon(): void {
    this.#asked += 1;
    this.#loop.wake();
  }

  get done(): Promise<void> {
    return this.#loop.done;
  }

  async #lookIfDue(): Promise<boolean> {
    const { membership, intervalMs } = this.#options;
    const asked = this.#asked;
    if (!membership.isCurrent || (this.#made === asked && this.#now() < this.#nextAt)) return false;
    await this.#look();
    this.#made = asked;
    this.#nextAt = this.#now() + intervalMs;
    this.#log.worked();
    return false;
  }

  #failed(error: unknown): void {
    this.#asked += 1;
    this.#log.failed(error);
  }

  async #look(): Promise<void> {
    const { store, logger, membership, node } = this.#options;
    await faultPoint('reconcile.before');
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
  }
}
