import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeId } from '../../src/data/ids.ts';
import type { Placement } from '../../src/placement/label-selectors.ts';
import { evenShares, nodeOfOrdinal, nodesForPlan } from '../../src/placement/spread.ts';

const nodes = ['a', 'b', 'c'].map(nodeId);

test('subtasks go round the nodes in order of their ordinals, from 1', () => {
  expect([1, 2, 3, 4, 5].map((ordinal) => nodeOfOrdinal(ordinal, nodes))).toEqual(['a', 'b', 'c', 'a', 'b']);
});

test('without nodes there is nowhere to go', () => {
  expect(() => nodeOfOrdinal(1, [])).toThrow(RangeError);
});

test.each([
  [7, 3, [3, 2, 2]],
  [6, 3, [2, 2, 2]],
  [0, 2, [0, 0]],
  [2, 4, [1, 1, 0, 0]],
])('%i over %i is %j', (total, count, shares) => {
  expect(evenShares(total, count)).toEqual(shares);
});

test('however many are written, the nodes differ by one at most, as even shares do', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 20 }), (total, count) => {
      const fleet = Array.from({ length: count }, (_, index) => nodeId(`n${index}`));
      const counts = new Map(fleet.map((id) => [id, 0]));
      for (let ordinal = 1; ordinal <= total; ordinal++) {
        const id = nodeOfOrdinal(ordinal, fleet);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      expect([...counts.values()]).toEqual(evenShares(total, count));
    }),
  );
});

test.each<[what: string, Placement, reserved: string[], nodes: string]>([
  ['nodes of the task that fit', { labels: [{ label: 'disk', op: '=', value: 'ssd' }] }, ['a', 'b'], 'b'],
  ['all of them where the type allows all', {}, ['c', 'a'], 'c,a'],
  ['as many others when none of them fits', { nodeIds: ['b', 'c', 'd'] }, ['a'], 'b'],
  ['one other when it has none', { nodeIds: ['c'] }, [], 'c'],
  ['nowhere when none fits', { nodeIds: ['e'] }, ['a', 'b'], ''],
])('a plan goes to %s', (_, placement, reserved, expected) => {
  const candidates = [
    { id: nodeId('a'), labels: {} },
    { id: nodeId('b'), labels: { disk: 'ssd' } },
    { id: nodeId('c'), labels: { disk: 'ssd' } },
    { id: nodeId('d'), labels: {} },
  ];
  expect(nodesForPlan(placement, candidates, reserved.map(nodeId)).join()).toBe(expected);
});
