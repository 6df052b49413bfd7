import { expect, test } from 'vitest';
import { csvDefaults } from '../../src/csv/dialect.ts';
import { foldChunks, type ChunkPlan } from '../../src/csv/fold-chunks.ts';
import type { RangeScan } from '../../src/csv/range-scan.ts';
import { lookAheadBytes, lookBehindBytes, RangeScanner } from '../../src/csv/range-scanner.ts';

function scans(text: string, size: number): RangeScan[] {
  const file = Buffer.from(text);
  const starts = Array.from({ length: Math.ceil(file.length / size) }, (_, i) => i * size);
  return starts.map((start) => {
    const end = Math.min(start + size, file.length);
    const before = file.subarray(Math.max(0, start - lookBehindBytes), start);
    const scanner = new RangeScanner(csvDefaults, {
      start,
      end,
      before,
      after: file.subarray(end, end + lookAheadBytes),
    });
    scanner.feed(file.subarray(start, end));
    return scanner.finish();
  });
}

const fold = (text: string, size: number, targetChunkBytes: number, header = false): ChunkPlan =>
  foldChunks(scans(text, size), { fileBytes: Buffer.byteLength(text), header, targetChunkBytes });

test('chunks are about the target size, begin where records do, and know their lines and records', () => {
  expect(fold('aa\nbb\ncc\ndd\nee', 3, 6)).toEqual({
    chunks: [
      { start: 0, end: 6, firstLine: 1, records: 2 },
      { start: 6, end: 12, firstLine: 3, records: 2 },
      { start: 12, end: 14, firstLine: 5, records: 1 },
    ],
    records: 5,
    lineEnd: 'lf',
  });
});

test.each([
  ['an empty file', '', true, []],
  ['an empty file without a header', '', false, []],
  ['a byte order mark and nothing else', '\ufeff', false, []],
  ['a header and nothing else', 'a,b\n', true, []],
  ['a header without its line end', 'a,b', true, []],
  ['a header over two lines', '"a\nb"\nc\n', true, [{ start: 6, end: 8, firstLine: 3, records: 1 }]],
  ['a header behind a byte order mark', '\ufeffa\nb\n', true, [{ start: 5, end: 7, firstLine: 2, records: 1 }]],
  ['a byte order mark before data', '\ufeffa\n', false, [{ start: 3, end: 5, firstLine: 1, records: 1 }]],
  ['one record without a line end', 'a', false, [{ start: 0, end: 1, firstLine: 1, records: 1 }]],
  ['one empty line', '\n', false, [{ start: 0, end: 1, firstLine: 1, records: 1 }]],
])('%s, whatever the ranges', (_, text, header, chunks) => {
  for (const size of [1, 2, 3, 4, 100]) expect(fold(text, size, 1000, header).chunks).toEqual(chunks);
});

test('a record that is longer than several ranges makes one chunk', () => {
  const { chunks } = fold(`a\n"${'\n'.repeat(20)}"\nb\n`, 4, 4);
  expect(chunks).toEqual([
    { start: 0, end: 25, firstLine: 1, records: 2 },
    { start: 25, end: 27, firstLine: 23, records: 1 },
  ]);
});

test('lines are counted by CR in a file of CR', () => {
  expect(fold('a\r"b\n\r"\rc\r', 2, 8).chunks.at(-1)).toEqual({ start: 8, end: 10, firstLine: 4, records: 1 });
});

test.each([
  ['CSV_MIXED_LINE_ENDS', 'a\n"\r"\nb\r\nc\n', 7, 3],
  ['CSV_END_OF_DATA_MARKER', 'a\n\\.\nb\r\n', 2, 2],
  ['CSV_END_OF_DATA_MARKER', '\ufeff\\.\nb\n', 3, 1],
  ['CSV_UNTERMINATED_QUOTE', 'a\nb\nc"\nd\n', 4, 3],
  ['CSV_NUL_BYTE', '"a\n\n\0"\n', 4, 3],
])('%s names the first place in the file', (code, text, offset, line) => {
  for (const size of [1, 2, 3, 5, 100]) {
    const expected = { code, permanent: true, position: { offset, line } };
    expect(() => fold(text, size, 10)).toThrow(expect.objectContaining(expected));
    expect(() => fold(text, size, 10)).toThrow(`(line ${line}, byte ${offset})`);
  }
});

test('ranges that leave a gap or end early are refused', () => {
  const [first, second, third] = scans('a\nb\nc\n', 2);
  const options = { fileBytes: 6, header: false, targetChunkBytes: 2 };
  expect(() => foldChunks([first!, third!], options)).toThrow('does not begin at byte 2');
  expect(() => foldChunks([first!, second!], options)).toThrow('cover 4 of the file');
  const code = 'CSV_RANGES_INVALID';
  expect(() => foldChunks([first!, third!], options)).toThrow(expect.objectContaining({ code, permanent: true }));
});
