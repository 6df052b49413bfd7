import { expect, test } from 'vitest';
import { DEFAULT_LEASE, leaseEnding } from '../../src/index.ts';

test.each([
  { marginMs: 2_000, abortGraceMs: 5_000, ending: { graceMs: 1_000, killMs: 1_500 } },
  { marginMs: 2_000, abortGraceMs: 100, ending: { graceMs: 100, killMs: 1_500 } },
  { marginMs: 60_000, abortGraceMs: 600_000, ending: { graceMs: 30_000, killMs: 45_000 } },
])('a margin of $marginMs ms bounds a grace of $abortGraceMs ms', ({ marginMs, abortGraceMs, ending }) => {
  expect(leaseEnding({ ...DEFAULT_LEASE, marginMs }, abortGraceMs)).toEqual(ending);
});
