import type { ErrorData } from '../errors/longshore-error.ts';

/** How often, and after how long, failed work is tried again. Counts what the plugin got wrong, never moves or kills. */
export interface RetryPolicy {
  /** Failures after which it fails for good, at least 1. Default 5. */
  readonly maxFailures: number;
  /** Wait after the first failure, in milliseconds. Default 1,000. */
  readonly initialMs: number;
  /** Each further wait is this many times the one before. Default 2. */
  readonly factor: number;
  /** The longest wait, in milliseconds, jitter included. Default 60,000. */
  readonly maxMs: number;
  /**
   * Share of the wait that is drawn at random, 0..1, so that failed work doesn't come back all at once: a wait lies between
   * `1 - jitter` of the computed one and all of it. Default 0.2.
   */
  readonly jitter: number;
  /** Error codes that are never tried again, even if the error says that it may pass. Default: none. */
  readonly nonRetryableCodes?: readonly string[];
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxFailures: 5,
  initialMs: 1_000,
  factor: 2,
  maxMs: 60_000,
  jitter: 0.2,
};

export type FailureDecision = { readonly retry: true; readonly afterMs: number } | { readonly retry: false };

/**
 * What follows a failure: another try after a wait, or the end.
 *
 * @param failures how often it failed before this failure.
 * @param random a number in [0, 1), drawn by the caller.
 */
export function decideFailure(
  error: ErrorData,
  failures: number,
  policy: RetryPolicy,
  random: number,
): FailureDecision {
  if (error.permanent || policy.nonRetryableCodes?.includes(error.code) === true) return { retry: false };
  if (failures + 1 >= policy.maxFailures) return { retry: false };
  return { retry: true, afterMs: retryWaitMs(policy, failures, random) };
}

/** How long the wait before another try is, in milliseconds. @param failures how often it was tried in vain before. */
export function retryWaitMs(policy: RetryPolicy, failures: number, random: number): number {
  // The power of a long series is infinite, and no wait times infinity is not a number.
  const grown = policy.initialMs === 0 ? 0 : policy.initialMs * policy.factor ** failures;
  const wait = Math.min(policy.maxMs, grown);
  return Math.round(wait * (1 - policy.jitter + policy.jitter * random));
}
