import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteMarks, MARKED_BYTES } from '../../src/csv/byte-marks.ts';

const values = [0x22, 0x5c, 0x0a, 0x0d] as const;

/** Positions of the bits that are set. */
function positions(masks: Int32Array): number[] {
  return [...masks].flatMap((word, i) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (word & (1 << bit)) !== 0)
      .map((bit) => i * 32 + bit),
  );
}

const positionsOf = (bytes: Uint8Array): number[] =>
  [...bytes.entries()].filter(([, byte]) => (values as readonly number[]).includes(byte)).map(([i]) => i);

test('marks are where the bytes are, whatever was there before', () => {
  const marks = new ByteMarks();
  const byte = fc.oneof(fc.constantFrom(...values), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(byte, { minLength: 1, maxLength: 200 }), (array) => {
      const bytes = Uint8Array.from(array);
      marks.bytes.set(bytes);
      expect(positions(marks.mark(bytes.length, values))).toEqual(positionsOf(bytes));
    }),
  );
});

test('a full buffer is marked to its last byte', () => {
  const marks = new ByteMarks();
  marks.bytes.fill('a');
  for (const i of [0, 15, 16, MARKED_BYTES - 1]) marks.bytes[i] = 0x0a;
  expect(positions(marks.mark(MARKED_BYTES, values))).toEqual([0, 15, 16, MARKED_BYTES - 1]);
});
