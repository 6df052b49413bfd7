import { SPEED_WINDOW_MS, type Sample } from './samples.ts';

/** Rows and bytes that somebody has done so far. */
export interface Amount {
  readonly rows: number;
  readonly bytes: number;
}

/** Per second. */
export interface Speed {
  readonly rowsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Without news for this long (two reports) the time since then counts as time in which nothing was done. */
const STALE_MS = 6_000;
/** A speed over less than this is mostly chance. */
const LEAST_SPAN_MS = 900;

/**
 * The speed over the window, of whatever `read` picks from a sample; null while there is too little to tell. Counts can
 * fall when a lost node's unfinished work is begun again; that is never a negative speed.
 */
export function measureSpeed(
  samples: readonly Sample[],
  nowMs: number,
  read: (sample: Sample) => Amount | null,
  windowMs = SPEED_WINDOW_MS,
): Speed | null {
  const points = samples.flatMap((sample) => {
    const amount = read(sample);
    return amount === null ? [] : [{ atMs: sample.atMs, ...amount }];
  });
  const last = points.at(-1);
  if (last === undefined) return null;
  const endMs = nowMs - last.atMs > STALE_MS ? nowMs : last.atMs;
  const first = points.findLast(({ atMs }) => atMs <= endMs - windowMs) ?? points[0];
  if (first === undefined || endMs - first.atMs < LEAST_SPAN_MS) return null;
  const seconds = (endMs - first.atMs) / 1_000;
  return {
    rowsPerSecond: Math.max(0, last.rows - first.rows) / seconds,
    bytesPerSecond: Math.max(0, last.bytes - first.bytes) / seconds,
  };
}
