import { expect, test } from 'vitest';
import { phaseCounter } from '../../src/steps/watch-build.ts';

type Look = readonly [phase: string | null, blocks: number, tuples: number];

test.each<[string, readonly Look[], { blocks: number; tuples: number }]>([
  ['nothing before the build begins', [[null, 0, 0]], { blocks: 0, tuples: 0 }],
  [
    'what was added since the last look',
    [
      ['building index: scanning table', 10, 0],
      ['building index: scanning table', 25, 0],
    ],
    { blocks: 25, tuples: 0 },
  ],
  [
    'each phase anew',
    [
      ['building index: scanning table', 30, 0],
      ['building index: loading tuples in tree', 0, 400],
      ['index validation: scanning table', 20, 0],
    ],
    { blocks: 50, tuples: 400 },
  ],
  [
    'once what a phase that waits still shows of the phase before',
    [
      ['building index: loading tuples in tree', 0, 400],
      ['waiting for writers before validation', 0, 400],
      ['index validation: scanning table', 30, 0],
      ['waiting for old snapshots', 30, 0],
    ],
    { blocks: 30, tuples: 400 },
  ],
  [
    'the end of a phase that only the wait after it shows',
    [
      ['index validation: scanning table', 10, 0],
      ['waiting for old snapshots', 30, 0],
    ],
    { blocks: 30, tuples: 0 },
  ],
])('a build counts %s', (_, looks, wanted) => {
  const counted = { blocks: 0, tuples: 0 };
  const count = phaseCounter(({ blocks, tuples }) => {
    counted.blocks += blocks;
    counted.tuples += tuples;
  });
  for (const [phase, blocks, tuples] of looks) count({ phase, done: { blocks, tuples } });
  expect(counted).toEqual(wanted);
});
