import { expect, test } from 'vitest';
import { resolutionGuard } from '../../src/task/resolution-guard.ts';

test.each([
  ['failed work', [], 'load', 'a step failed'],
  ['a failed plan of the first step', ['plan'], null, 'it was pending'],
  ['a failed plan of a later one', ['plan'], 'load', 'a plan failed'],
  ['a failed finish hook', ['finish'], 'load', 'a finish hook failed'],
  ['a failed revert, whatever failed before it', ['plan', 'finish', 'revert'], null, 'a revert failed'],
  ['failed gates', ['gates'], 'load', 'a step failed'],
] as const)('%s', (_, controls, step, guard) => {
  expect(resolutionGuard(controls, step)).toBe(guard);
});
