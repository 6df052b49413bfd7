import { brand, hasBrand } from './brand.ts';
import type { WaitingReason } from './waiting-reason.ts';

/**
 * `runSubtask` throws it to free its slots while it would only wait. The subtask starts again later, here or elsewhere, with its
 * checkpoint. No failure is counted, and the subtask shows its reason like any other wait. Use it for waits of seconds and more; for
 * short waits keep the slots and say so with `waiting`.
 */
export class SubtaskPostponed extends Error {
  override readonly name = 'SubtaskPostponed';
  readonly reason: WaitingReason;
  /** In milliseconds, at least. */
  readonly afterMs: number;

  static {
    brand(this, 'subtask-postponed');
  }

  /** Whether this is one, also of another copy of this package. */
  static is(thrown: unknown): thrown is SubtaskPostponed {
    return hasBrand(thrown, 'subtask-postponed');
  }

  /** @throws {RangeError} when `afterMs` is below 0 or above a day. */
  constructor(reason: WaitingReason, afterMs: number) {
    super(`${reason.code}: ${reason.message}`);
    if (!(afterMs >= 0 && afterMs <= 86_400_000))
      throw new RangeError(`afterMs: ${afterMs} is not between 0 and a day`);
    this.reason = reason;
    this.afterMs = afterMs;
  }
}
