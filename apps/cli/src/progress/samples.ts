import type { TaskDetail } from '@longshore/client';

/** A snapshot of a task and when it was taken, in milliseconds of a monotonic clock. */
export interface Sample {
  readonly atMs: number;
  readonly detail: TaskDetail;
}

/**
 * How far back speeds look, in milliseconds. Executors report every 3 s, so a window of a few seconds would jump between
 * nothing and twice the speed; a minute would still show the speed of nodes that are long gone.
 */
export const SPEED_WINDOW_MS = 15_000;

/** The samples with one more, without those that the window no longer needs: one from before its start is kept. */
export function addSample(samples: readonly Sample[], sample: Sample, windowMs = SPEED_WINDOW_MS): readonly Sample[] {
  const startMs = sample.atMs - windowMs;
  const firstInside = samples.findIndex(({ atMs }) => atMs > startMs);
  const kept = firstInside === -1 ? samples.slice(-1) : samples.slice(Math.max(0, firstInside - 1));
  return [...kept, sample];
}
