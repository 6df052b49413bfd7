import { SubtaskPostponed, type SubtaskContext } from '@longshore/sdk';
import { pause } from '@longshore/sdk/postgres';
import { retryDelayMs } from './batch-rows.ts';
import { describeHolders } from './describe-holders.ts';
import type { LockHolder } from './lock-watch.ts';

/** From this many failures in a row on, it is no bad luck: the subtask shows what it waits for. */
const SHOWN_FAILURES = 3;
/**
 * With this many in a row, after some 6 s, somebody holds a row's lock for long: the subtask frees its slot, and comes back after
 * `POSTPONE_MS` milliseconds.
 */
const MOST_FAILURES = 8;
const POSTPONE_MS = 10_000;

/** Batches that failed in a row because of others: how long to wait, and what to show. */
export class Contention {
  readonly #context: Pick<SubtaskContext, 'waiting' | 'signal'>;
  readonly #table: string;
  #failures = 0;
  /** Those that were seen last: a look can come too late for a short lock time-out. */
  #holders: readonly LockHolder[] = [];
  #message = '';
  #endWaiting: (() => void) | null = null;

  constructor(context: Pick<SubtaskContext, 'waiting' | 'signal'>, table: string) {
    this.#context = context;
    this.#table = table;
  }

  /** Whether the last batch failed so. */
  get isThere(): boolean {
    return this.#failures > 0;
  }

  /**
   * After a batch that failed: waits, longer each time.
   *
   * @param holders - those that were seen to be in the way.
   * @param rows - that the batch might have. While there can be fewer the next one may come through; what has been learned of that would
   * be lost to another attempt.
   * @throws the reason of the context's signal once it is aborted; {SubtaskPostponed} when it has waited for a single row for long.
   */
  async wait(holders: readonly LockHolder[], error: unknown, rows: number): Promise<void> {
    this.#failures += 1;
    if (holders.length > 0) this.#holders = holders;
    const message = describeHolders(this.#table, this.#holders, error);
    if (rows === 1 && this.#failures >= MOST_FAILURES)
      throw new SubtaskPostponed({ code: 'LOCK_HELD', message }, POSTPONE_MS);
    if (this.#failures >= SHOWN_FAILURES) this.#show(message);
    await pause(retryDelayMs(this.#failures), this.#context.signal);
  }

  /** After a batch that was committed, and when there will be no more. */
  end(): void {
    this.#failures = 0;
    this.#holders = [];
    this.#message = '';
    this.#endWaiting?.();
    this.#endWaiting = null;
  }

  /** Shown anew only when it is another one, so that it keeps the time since when. */
  #show(message: string): void {
    if (message === this.#message) return;
    this.#endWaiting?.();
    this.#message = message;
    this.#endWaiting = this.#context.waiting({ code: 'LOCK_HELD', message });
  }
}
