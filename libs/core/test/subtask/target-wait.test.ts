import { expect, test } from 'vitest';
import { TARGET_AWAY_LIMIT_MS, waitForTarget } from '../../src/index.ts';

test.each([
  ['the first time', null, 200, { awayForMs: 0, afterMs: 800, isOverLimit: false }],
  ['soon again after a short outage', 1_000, 0, { awayForMs: 1_000, afterMs: 800, isOverLimit: false }],
  ['later the longer it lasts', 20_000, 1_000, { awayForMs: 21_000, afterMs: 8_400, isOverLimit: false }],
  ['but never later than in half a minute', 600_000, 0, { awayForMs: 600_000, afterMs: 24_000, isOverLimit: false }],
  ['from the start, where it worked in between', 600_000, 60_000, { awayForMs: 0, afterMs: 800, isOverLimit: false }],
  ['beyond the limit', TARGET_AWAY_LIMIT_MS, 1, { awayForMs: 3_600_001, afterMs: 24_000, isOverLimit: true }],
])('looks for the target %s', (_, awayForMs, ranMs, wanted) => {
  expect(waitForTarget(awayForMs, ranMs, 0)).toEqual(wanted);
});
