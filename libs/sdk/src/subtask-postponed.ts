import type { WaitingReason } from './waiting-reason.ts';

/**
 * Thrown by `runSubtask` to give its slots back while it would only wait: it is started again after a while, here or elsewhere, with its
 * checkpoint. Not a failure, and shown with its reason like any other wait. For waits of seconds and more; during short ones keep
 * the slots and say so with `waiting`.
 */
export class SubtaskPostponed extends Error {
  override readonly name = 'SubtaskPostponed';
  readonly reason: WaitingReason;
  /** In milliseconds, at least. */
  readonly afterMs: number;

  /** @throws {RangeError} when `afterMs` is below 0 or above a day. */
  constructor(reason: WaitingReason, afterMs: number) {
    super(`${reason.code}: ${reason.message}`);
    if (!(afterMs >= 0 && afterMs <= 86_400_000))
      throw new RangeError(`afterMs: ${afterMs} is not between 0 and a day`);
    this.reason = reason;
    this.afterMs = afterMs;
  }
}
