import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ErrorData } from '../../src/errors/longshore-error.ts';
import { decideFailure, DEFAULT_RETRY_POLICY, type RetryPolicy } from '../../src/subtask/retry-policy.ts';

const TRANSIENT: ErrorData = { code: 'X', message: 'x', permanent: false };
const PERMANENT: ErrorData = { ...TRANSIENT, permanent: true };
const exact: RetryPolicy = { ...DEFAULT_RETRY_POLICY, jitter: 0 };

test('a permanent error ends it at once', () => {
  expect(decideFailure(PERMANENT, 0, exact, 0)).toEqual({ retry: false });
});

test('a transient one is tried again, each time after twice the wait, until it has failed five times', () => {
  const decisions = [0, 1, 2, 3, 4].map((failures) => decideFailure(TRANSIENT, failures, exact, 0));
  expect(decisions).toEqual([
    { retry: true, afterMs: 1_000 },
    { retry: true, afterMs: 2_000 },
    { retry: true, afterMs: 4_000 },
    { retry: true, afterMs: 8_000 },
    { retry: false },
  ]);
});

test('one failure is allowed at least: a policy of one try ends with the first', () => {
  expect(decideFailure(TRANSIENT, 0, { ...exact, maxFailures: 1 }, 0)).toEqual({ retry: false });
});

test('the wait is never longer than the longest, however often it failed', () => {
  const patient = { ...exact, maxFailures: 10_000 };
  expect(decideFailure(TRANSIENT, 20, patient, 0)).toEqual({ retry: true, afterMs: 60_000 });
  expect(decideFailure(TRANSIENT, 5_000, patient, 0)).toEqual({ retry: true, afterMs: 60_000 });
});

test('no wait stays no wait, however often it failed', () => {
  const eager = { ...exact, initialMs: 0, maxFailures: 10_000 };
  expect(decideFailure(TRANSIENT, 5_000, eager, 0)).toEqual({ retry: true, afterMs: 0 });
});

test('the drawn share shortens the wait, so that failed work comes back apart and never later than the longest wait', () => {
  const policies = fc.record({
    maxFailures: fc.constant(100),
    initialMs: fc.integer({ min: 0, max: 10_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.integer({ min: 0, max: 100_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(policies, fc.nat(98), draws, (policy, failures, random) => {
      const decision = decideFailure(TRANSIENT, failures, policy, random);
      const whole = decideFailure(TRANSIENT, failures, { ...policy, jitter: 0 }, random);
      if (!decision.retry || !whole.retry) throw new Error('it should be tried again');
      expect(decision.afterMs).toBeLessThanOrEqual(policy.maxMs);
      expect(decision.afterMs).toBeLessThanOrEqual(whole.afterMs);
      expect(decision.afterMs).toBeGreaterThanOrEqual(Math.floor(whole.afterMs * (1 - policy.jitter)) - 1);
    }),
  );
});

test('a code that the policy names is not tried again, whatever the error says of itself', () => {
  const policy = { ...DEFAULT_RETRY_POLICY, nonRetryableCodes: ['DISK_FULL'] };
  const error = { code: 'DISK_FULL', message: 'no space left', permanent: false };
  expect(decideFailure(error, 0, policy, 0.5)).toEqual({ retry: false });
  expect(decideFailure({ ...error, code: 'OTHER' }, 0, policy, 0.5)).toMatchObject({ retry: true });
});
