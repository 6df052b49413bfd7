import { expect, test } from 'vitest';
import { addSummaries, MAX_SUMMARY_COUNTERS, parseSummary } from '../../src/index.ts';

const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`counter${index}`, index]));

test.each([
  ['counters', { rows: 5, bytes: 0, largestSafe: Number.MAX_SAFE_INTEGER }],
  ['nothing', {}],
])('a summary of %s is taken as it is', (_, summary) => {
  expect(parseSummary(summary)).toEqual(summary);
});

test.each([
  ['no object', 'rows'],
  ['null', null],
  ['undefined', undefined],
  ['a list', [1, 2]],
  ['a fraction', { rows: 0.5 }],
  ['less than nothing', { rows: -1 }],
  ['what is no number', { rows: '5', bytes: 5n, files: null }],
  ['what is not finite', { rows: Number.NaN, bytes: Number.POSITIVE_INFINITY }],
  ['more than is safe', { rows: Number.MAX_SAFE_INTEGER + 1 }],
  ['names that are none', { '': 1, Rows: 1, 'two words': 1, 'zero\0': 1, ['x'.repeat(41)]: 1, __proto__: null }],
])('of %s nothing is taken', (_, summary) => {
  expect(parseSummary(summary)).toEqual({});
});

test('what fits is taken beside what does not, up to a number', () => {
  expect(parseSummary({ rows: 5, bytes: -1, files: 2 })).toEqual({ rows: 5, files: 2 });
  expect(Object.keys(parseSummary(many))).toHaveLength(MAX_SUMMARY_COUNTERS);
});

test('summaries are added by name and stay safe', () => {
  expect(addSummaries([])).toEqual({});
  expect(addSummaries([{ rows: 1, files: 2 }, { rows: 3 }, {}])).toEqual({ rows: 4, files: 2 });
  expect(addSummaries([{ rows: Number.MAX_SAFE_INTEGER }, { rows: 1 }])).toEqual({ rows: Number.MAX_SAFE_INTEGER });
});
