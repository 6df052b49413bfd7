/** How long nodes of a cluster count as live. The same for all of them: it lives in the store. */
export interface LeaseSettings {
  /** How long a node counts as live without renewing its lease, in milliseconds. */
  readonly ttlMs: number;
  /** How long after the end of its lease it is declared dead, in milliseconds. By then it has ended what must not overlap. */
  readonly marginMs: number;
}

/** Where nobody says otherwise. */
export const DEFAULT_LEASE: LeaseSettings = { ttlMs: 6_000, marginMs: 2_000 };

/**
 * Bounds of both, in milliseconds. With a shorter margin a busy machine's timers are too late to end anything before the node is declared
 * dead.
 */
export const LEASE_BOUNDS = {
  ttlMs: { least: 1_000, most: 120_000 },
  marginMs: { least: 200, most: 60_000 },
} as const;

/** What happens when a lease could not be renewed, in milliseconds after its end. */
export interface LeaseEnding {
  /** Until then a non-idempotent hook may come to its end by itself; then its runner is ended. */
  readonly graceMs: number;
  /** Then the guard ends the process, if anything is left that must not overlap: its main thread may be blocked. */
  readonly killMs: number;
}

/**
 * How the margin is used: half of it for the hook, a quarter for its runner to end, and the last quarter is left for what no timer sees.
 *
 * @param abortGraceMs how long a hook has that is asked to stop for any other reason, in milliseconds: it never has longer.
 */
export function leaseEnding({ marginMs }: LeaseSettings, abortGraceMs: number): LeaseEnding {
  return { graceMs: Math.min(abortGraceMs, marginMs / 2), killMs: (marginMs * 3) / 4 };
}
