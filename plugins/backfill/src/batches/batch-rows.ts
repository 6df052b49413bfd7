/** Between how many and how many rows a batch may have. */
export interface BatchBounds {
  readonly minBatchRows: number;
  readonly maxBatchRows: number;
  /** How long a batch should take, in milliseconds. */
  readonly targetBatchMs: number;
}

/** What the first batch has, when nothing is known yet: some tens of milliseconds on most tables. */
const FIRST_ROWS = 1_000;
/** A batch may grow to this many times the one before: one that was fast by chance must not be followed by a very slow one. */
const MOST_GROWTH = 2;
/** And shrink to this part of it: one that was slow by chance (a checkpoint, a pause) says little about the next one. */
const MOST_SHRINKING = 0.5;

/** Rows of the first batch of all. */
export function firstBatchRows(bounds: BatchBounds): number {
  return within(FIRST_ROWS, bounds);
}

/**
 * Rows of the next batch after one that was committed: as many as would have taken the target's time, moved towards it
 * step by step.
 *
 * @param rows - what the batch was allowed to have.
 * @param elapsedMs - from its BEGIN to its COMMIT, waits for locks included.
 */
export function nextBatchRows(rows: number, elapsedMs: number, bounds: BatchBounds): number {
  const ratio = bounds.targetBatchMs / Math.max(elapsedMs, 0.001);
  const step = Math.min(MOST_GROWTH, Math.max(MOST_SHRINKING, ratio));
  return within(Math.round(rows * step), bounds);
}

/**
 * Rows of the next try after one that met others' locks or a time-out: it holds less for a shorter time. Also below the least that a
 * slow batch may have, as it would meet the same again.
 */
export function shrunkBatchRows(rows: number): number {
  return Math.max(1, Math.floor(rows / 2));
}

/** How long to wait before the next try, in milliseconds: 50 after the first failure in a row, then twice that, at most 5,000. */
export function retryDelayMs(failures: number): number {
  return Math.min(5_000, 50 * 2 ** Math.min(failures - 1, 10));
}

function within(rows: number, { minBatchRows, maxBatchRows }: BatchBounds): number {
  return Math.min(maxBatchRows, Math.max(minBatchRows, rows));
}
