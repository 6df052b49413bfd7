import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  firstBatchRows,
  nextBatchRows,
  retryDelayMs,
  shrunkBatchRows,
  type BatchBounds,
} from '../../src/batches/batch-rows.ts';

const bounds: fc.Arbitrary<BatchBounds> = fc
  .record({
    minBatchRows: fc.integer({ min: 1, max: 1_000 }),
    more: fc.integer({ min: 0, max: 100_000 }),
    targetBatchMs: fc.integer({ min: 10, max: 60_000 }),
  })
  .map(({ minBatchRows, more, targetBatchMs }) => ({ minBatchRows, maxBatchRows: minBatchRows + more, targetBatchMs }));

const plain: BatchBounds = { minBatchRows: 50, maxBatchRows: 50_000, targetBatchMs: 150 };

describe('the rows of a batch', () => {
  test('stay within their bounds, however long a batch took', () => {
    fc.assert(
      fc.property(
        bounds,
        fc.nat(1_000_000),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (limits, rows, elapsedMs) => {
          for (const next of [firstBatchRows(limits), nextBatchRows(rows, elapsedMs, limits)]) {
            expect(next).toBeGreaterThanOrEqual(limits.minBatchRows);
            expect(next).toBeLessThanOrEqual(limits.maxBatchRows);
            expect(Number.isInteger(next)).toBe(true);
          }
        },
      ),
    );
  });

  test('come to what takes the target time, for any speed of the table', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.004, max: 2, noNaN: true }), (rowMs) => {
        let rows = firstBatchRows(plain);
        for (let batch = 0; batch < 12; batch++) rows = nextBatchRows(rows, 3 + rows * rowMs, plain);
        const took = 3 + rows * rowMs;
        expect(took).toBeGreaterThan(130);
        expect(took).toBeLessThan(170);
      }),
    );
  });

  test.each([
    ['as before when it took the time', 1_000, 150, 1_000],
    ['twice as many at most', 1_000, 1, 2_000],
    ['half at least', 1_000, 60_000, 500],
  ])('are %s', (_, rows, elapsedMs, next) => {
    expect(nextBatchRows(rows, elapsedMs, plain)).toBe(next);
  });
});

test('a batch that met others is halved, down to one row', () => {
  expect([1_000, 51, 2, 1].map(shrunkBatchRows)).toEqual([500, 25, 1, 1]);
});

test('retries wait longer and longer, up to five seconds', () => {
  expect([1, 2, 3, 7, 8, 1_000].map(retryDelayMs)).toEqual([50, 100, 200, 3_200, 5_000, 5_000]);
});
