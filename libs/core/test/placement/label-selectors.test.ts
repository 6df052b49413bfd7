import { expect, test } from 'vitest';
import {
  fitsPlacement,
  fitsSelectors,
  selectorText,
  type LabelSelector,
  type Placement,
} from '../../src/placement/label-selectors.ts';

const EQUAL: LabelSelector = { label: 'zone', op: '=', value: 'a' };
const NOT_EQUAL: LabelSelector = { label: 'zone', op: '!=', value: 'a' };
const IN: LabelSelector = { label: 'zone', op: 'in', values: ['a', 'b'] };
const EXISTS: LabelSelector = { label: 'zone', op: 'exists' };

test.each<[LabelSelector, zone: string | undefined, fits: boolean]>([
  [EQUAL, 'a', true],
  [EQUAL, 'b', false],
  [EQUAL, undefined, false],
  [NOT_EQUAL, 'a', false],
  [NOT_EQUAL, 'b', true],
  [NOT_EQUAL, undefined, true],
  [IN, 'b', true],
  [IN, 'c', false],
  [IN, undefined, false],
  [EXISTS, 'c', true],
  [EXISTS, '', true],
  [EXISTS, undefined, false],
])('%j on a node with zone %j: %s', (selector, zone, fits) => {
  expect(fitsSelectors(zone === undefined ? {} : { zone }, [selector])).toBe(fits);
});

test('all selectors must fit, and none fits all', () => {
  expect(fitsSelectors({ zone: 'a', disk: 'ssd' }, [EQUAL, { label: 'disk', op: '=', value: 'hdd' }])).toBe(false);
  expect(fitsSelectors({}, [])).toBe(true);
});

test('what every object has is no label', () => {
  expect(fitsSelectors({}, [{ label: 'constructor', op: 'exists' }])).toBe(false);
});

test.each<[Placement, fits: boolean]>([
  [{}, true],
  [{ nodeIds: ['n1'] }, true],
  [{ nodeIds: ['n2'] }, false],
  [{ nodeIds: [] }, false],
  [{ labels: [EQUAL] }, true],
  [{ labels: [NOT_EQUAL] }, false],
  [{ nodeIds: ['n1'], labels: [NOT_EQUAL] }, false],
])('placement %j on node n1 of zone a: %s', (placement, fits) => {
  expect(fitsPlacement({ id: 'n1', labels: { zone: 'a' } }, placement)).toBe(fits);
});

test('selectors are written as they are meant', () => {
  expect([EQUAL, NOT_EQUAL, IN, EXISTS].map(selectorText)).toEqual([
    'zone = a',
    'zone != a',
    'zone in (a, b)',
    'zone exists',
  ]);
});
