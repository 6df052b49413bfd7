import { expect, test } from 'vitest';
import { isCrash, killAt, monotonicMs, NEW_STATE, type GuardState } from '../../src/guard/guard-state.ts';

const AT_WORK: GuardState = { ...NEW_STATE, node: { id: 'n1', epoch: '3' }, leaseEndsAt: 10_000, killMs: 1_500 };

test.each([
  ['runs nothing that may not overlap', {}, null],
  ['runs something', { held: 2 }, 11_500],
  ['runs something, while it leaves', { held: 1, isLeaving: true }, 11_500],
  ['has not said anything yet', NEW_STATE, null],
])('an executor that %s is ended at %j', (_, change, at) => {
  expect(killAt({ ...AT_WORK, ...change })).toBe(at);
});

test.each([
  ['at work, with its lease', {}, 9_999, true],
  ['after its lease was over, such as by its guard', {}, 10_000, false],
  ['while it left', { isLeaving: true }, 5_000, false],
  ['before it was registered', { node: null }, 5_000, false],
])('an end %s: a crash is %j', (_, change, at, isIt) => {
  expect(isCrash({ ...AT_WORK, ...change }, at)).toBe(isIt);
});

test('the clock is the same for all processes, and finer than a millisecond', () => {
  const before = monotonicMs();
  const uptime = Number(process.hrtime.bigint()) / 1e6;
  expect(Math.abs(uptime - before)).toBeLessThan(60_000);
  expect(monotonicMs()).toBeGreaterThan(before);
});
