import { expect, it } from 'vitest';
import { BOUNDS, brokenPromises, type SoakFigures } from '../src/report.ts';

const GOOD: SoakFigures = {
  minutes: 3,
  tasks: 40,
  failed_wellbehaved: 0,
  rude_tasks: 12,
  hostile_requests: 300,
  wrong_refusals: 0,
  waiting_without_reason: 0,
  slowest_factor: BOUNDS.slowest_factor,
  rss_growth_mb: BOUNDS.rss_growth_mb,
  faults: 8,
};

it.each<[string, Partial<SoakFigures>, readonly string[]]>([
  ['everything within its bounds', {}, []],
  ['no task at all', { tasks: 0 }, ['no task ended']],
  ['a failed task', { failed_wellbehaved: 1 }, ['1 tasks failed']],
  [
    'a rude task with another end',
    { wrong_refusals: 1 },
    ['1 rude tasks or hostile requests had another end than the documented one'],
  ],
  ['a silent task', { waiting_without_reason: 2 }, ['2 tasks waited without a reason']],
  ['a slow task', { slowest_factor: 21 }, ['slowest_factor is 21, above 20']],
  ['memory that grows', { rss_growth_mb: 101 }, ['rss_growth_mb is 101, above 100']],
])('%s', (_, changed, expected) => {
  expect(brokenPromises({ ...GOOD, ...changed })).toEqual(expected);
});
