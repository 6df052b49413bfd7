import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import type { BackfillTuning } from './tuning.ts';

/**
 * What no field's own bounds say.
 *
 * @throws {TaskTypeError} BACKFILL_META_INVALID when the least rows of a batch are above the most.
 */
export function checkBatchBounds({ minBatchRows, maxBatchRows }: BackfillTuning): void {
  if (minBatchRows <= maxBatchRows) return;
  const message = `minBatchRows (${minBatchRows}) is above maxBatchRows (${maxBatchRows}). Change one of them.`;
  throw backfillError(BackfillErrorCode.MetaInvalid, message);
}
