import { setTimeout as wait } from 'node:timers/promises';
import { hasCode } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import { settleSubtasks, type NodeIdentity, type SettleResult, type Settlement, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

/** Tasks whose planned step has become the current one with a batch, and what was claimed of it. */
export type StepStart = Pick<SettleResult, 'started' | 'claimed'>;

const NOTHING_STARTED: StepStart = { started: new Map(), claimed: [] };

export interface SettlementQueueOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** Who writes, now: the registration may change while results wait. */
  readonly identity: () => NodeIdentity;
  /** Told of a batch that could not be written: its rows are freed by this node when it looks for what it doesn't know. */
  readonly onGivenUp: (batch: readonly Settlement[]) => void;
  /** Told after each batch that reached the store. */
  readonly onWritten: (written: readonly Settlement[], lost: readonly Settlement[], start: StepStart) => void;
}

/** Ends of subtasks in one transaction: beyond this the locks are held for too long. */
const MAX_BATCH = 2_000;
const LONGEST_WAIT_MS = 2_000;
/** How often a batch is tried that Postgres answers with an error: a time-out of a lock or a statement may pass. */
const MOST_TRIES = 5;

/**
 * Ends of subtasks on their way to the store. What comes while a batch is being written makes up the next one, so the batch
 * grows with the load and a single result isn't kept waiting. While Postgres is away they are held and tried again.
 */
export class SettlementQueue {
  readonly #options: SettlementQueueOptions;
  #waiting: Settlement[] = [];
  #writing: Promise<void> | null = null;

  constructor(options: SettlementQueueOptions) {
    this.#options = options;
  }

  add(settlements: readonly Settlement[]): void {
    if (settlements.length === 0) return;
    this.#waiting.push(...settlements);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything that was added has been written or given up on. */
  async drained(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#writeBatch(this.#waiting.splice(0, MAX_BATCH));
      }
    } finally {
      // In the same step as the last look at what waits: an end that came between the two would wait for the next one.
      this.#writing = null;
    }
  }

  async #writeBatch(batch: readonly Settlement[]): Promise<void> {
    const { store, logger, identity, onWritten, onGivenUp } = this.#options;
    let failures = 0;
    for (let pauseMs = 50; ; pauseMs = Math.min(LONGEST_WAIT_MS, pauseMs * 2)) {
      try {
        await faultPoint('settle.before');
        const result = await settleSubtasks(store.db, identity(), batch);
        await faultPoint('settle.after-commit');
        const lost = new Set(result.lost);
        onWritten(
          batch.filter((one) => !lost.has(one.id)),
          batch.filter((one) => lost.has(one.id)),
          result,
        );
        return;
      } catch (error) {
        const isAway = hasCode(error, 'STORE_UNAVAILABLE');
        if (!isAway && ++failures >= MOST_TRIES) {
          // Nothing of the batch was written; the rows are freed by the sweep when this node is found not to know them.
          logger.error({ error, subtasks: batch.map((one) => one.id) }, 'results could not be written');
          onGivenUp(batch);
          onWritten([], batch, NOTHING_STARTED);
          return;
        }
        logger.warn(
          { error, results: batch.length },
          isAway ? 'holding results until Postgres is back' : 'results were not written, trying again',
        );
      }
      await wait(pauseMs);
    }
  }
}
