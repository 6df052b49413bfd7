import { expect, test } from 'vitest';
import { LogLimit } from '../../src/channel/log-limit.ts';

const limitAt = (clock: { now: number }): LogLimit => new LogLimit({ perSecond: 10, atOnce: 3 }, () => clock.now);

test('what is beyond the rate is left out and counted', () => {
  const clock = { now: 0 };
  const limit = limitAt(clock);
  expect([1, 2, 3, 4, 5].map(() => limit.take())).toEqual([true, true, true, false, false]);
  expect([limit.takeDropped(), limit.takeDropped()]).toEqual([2, 0]);
});

test('it saves up as much as may come at once', () => {
  const clock = { now: 0 };
  const limit = limitAt(clock);
  expect(limit.take(3)).toBe(true);
  clock.now = 100;
  expect([limit.take(), limit.take()]).toEqual([true, false]);
  clock.now = 100_000;
  expect([limit.take(4), limit.take(3)]).toEqual([false, true]);
  expect(limit.takeDropped()).toBe(5);
});
