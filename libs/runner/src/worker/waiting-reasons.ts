import type { WaitingReason } from '@longshore/sdk';
import { traceWaiting } from './trace-waiting.ts';

/** A reason, and for how long it has been waited for. */
export interface Waiting extends WaitingReason {
  readonly forMs: number;
}

/** What one hook says that it waits for, in memory; reported with its progress. */
export class WaitingReasons {
  readonly #open = new Set<{ readonly reason: WaitingReason; readonly since: number; readonly endSpan: () => void }>();
  #isChanged = false;

  /** Begins to wait. @returns what ends it; calling that again does nothing. */
  begin(reason: WaitingReason): () => void {
    const entry = {
      reason: { code: reason.code, message: reason.message },
      since: performance.now(),
      endSpan: traceWaiting(reason),
    };
    this.#open.add(entry);
    this.#isChanged = true;
    return () => {
      if (!this.#open.delete(entry)) return;
      this.#isChanged = true;
      entry.endSpan();
    };
  }

  /** The hook is over: whatever it still waited for ends with it. */
  end(): void {
    for (const { endSpan } of this.#open) endSpan();
    this.#open.clear();
  }

  /** The newest reason that still holds; null when it waits for nothing. */
  get current(): Waiting | null {
    const newest = [...this.#open].at(-1);
    return newest === undefined ? null : { ...newest.reason, forMs: performance.now() - newest.since };
  }

  /** Whether there is something that was not reported yet; asking counts as reporting. */
  takeChange(): boolean {
    const changed = this.#isChanged;
    this.#isChanged = false;
    return changed;
  }
}
