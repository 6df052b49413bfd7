/** Ranges that a table is divided into where the bounds allow it: some for every slot of several nodes. */
const RANGES = 32;
/** Below it a range's own cost can be seen beside its work: claim, sessions with nothing cached, ledger row; 25 ms of the server's time. */
const MIN_RANGE_ROWS = 100_000;
/** A range of this size takes about a minute, which is soon enough for work to be moved or shared out anew. */
const MAX_RANGE_ROWS = 1_000_000;
/** Quantiles of a sample of some 100,000 rows mean nothing beyond it, and each is a row of the store. */
export const MAX_RANGES = 10_000;

/**
 * Into how many ranges of about equal weight a table is divided.
 *
 * @param rows - estimated, 0 or more.
 * @param rangeRows - rows of a range; null: as the size of the table suggests.
 */
export function rangeCount(rows: number, rangeRows: number | null): number {
  const suggested = Math.min(MAX_RANGE_ROWS, Math.max(MIN_RANGE_ROWS, rows / RANGES));
  return Math.min(MAX_RANGES, Math.max(1, Math.ceil(rows / (rangeRows ?? suggested))));
}
