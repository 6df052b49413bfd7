import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyTypes } from '../../src/keys/key-types.ts';
import { rangeCount } from '../../src/ranges/range-count.ts';
import { splitRanges } from '../../src/ranges/split-ranges.ts';

const keys = {
  int8: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)),
  uuid: fc.array(fc.uuid()),
};

describe.each(['int8', 'uuid'] as const)('ranges between keys of type %s', (name) => {
  const type = keyTypes[name];

  test('are disjoint and in order, and cover everything up to the last key', () => {
    fc.assert(
      fc.property(keys[name], (ends) => {
        const ranges = splitRanges(ends, type);
        expect(ranges).toHaveLength(new Set(ends).size);
        let after: string | null = null;
        for (const range of ranges) {
          expect(range.after).toBe(after);
          if (after !== null) expect(type.compare(after, range.upTo!)).toBeLessThan(0);
          after = range.upTo;
        }
        for (const key of ends) {
          const holding = ranges.filter(
            (range) =>
              (range.after === null || type.compare(key, range.after) > 0) && type.compare(key, range.upTo!) <= 0,
          );
          expect(holding).toHaveLength(1);
        }
      }),
    );
  });
});

test('whole numbers have the order of numbers, not of text', () => {
  const numbers = ['-10', '9', '10', '-9', '9007199254740993', '9007199254740992'];
  expect(numbers.toSorted((a, b) => keyTypes.int8.compare(a, b))).toEqual([
    '-10',
    '-9',
    '9',
    '10',
    '9007199254740992',
    '9007199254740993',
  ]);
});

test.each([
  ['nothing', 0, null, 1],
  ['a small table', 99_999, null, 1],
  ['a million rows', 1_000_000, null, 10],
  ['ten million', 10_000_000, null, 32],
  ['a billion', 1_000_000_000, null, 1_000],
  ['more than a plan can have', 1e12, null, 10_000],
  ['a size of ranges that was asked for', 1_000, 100, 10],
])('%s in ranges', (_, rows, rangeRows, count) => {
  expect(rangeCount(rows, rangeRows)).toBe(count);
});
