import type { SubtaskContext } from '@longshore/sdk';
import { retryDelayMs } from './batch-rows.ts';
import { describeHolders } from './describe-holders.ts';
import type { LockHolder } from './lock-watch.ts';
import { pause } from './pause.ts';

/** From this many failures in a row on it is no bad luck, and is shown as what the subtask waits for. */
const SHOWN_FAILURES = 3;

/** Batches that failed in a row by what others do: how long to wait, and what to say. */
export class Contention {
  readonly #context: Pick<SubtaskContext, 'waiting' | 'signal'>;
  readonly #table: string;
  #failures = 0;
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
   * @throws the reason of the context's signal once it is aborted.
   */
  async wait(holders: readonly LockHolder[], error: unknown): Promise<void> {
    this.#failures += 1;
    if (this.#failures >= SHOWN_FAILURES) this.#show(describeHolders(this.#table, holders, error));
    await pause(retryDelayMs(this.#failures), this.#context.signal);
  }

  /** After a batch that was committed, and when there will be no more. */
  end(): void {
    this.#failures = 0;
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
