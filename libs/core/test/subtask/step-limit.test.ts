import { expect, test } from 'vitest';
import { stepLimit } from '../../src/index.ts';

test.each([
  ['nobody says anything', undefined, null, 1_000_000, 'default'],
  ['the type needs more', 5_000_000, null, 5_000_000, 'type'],
  ['the type needs less', 10, null, 10, 'type'],
  ['the cluster allows more', undefined, 5_000_000, 5_000_000, 'cluster'],
  ['the cluster allows fewer than the type', 5_000_000, 1_000, 1_000, 'cluster'],
  ['the type needs less than the cluster allows', 10, 1_000, 10, 'type'],
] as const)('a step has a limit where %s', (_, ofType, ofCluster, maxSubtasks, from) => {
  expect(stepLimit(ofType, ofCluster)).toEqual({ maxSubtasks, from });
});
