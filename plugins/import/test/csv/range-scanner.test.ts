import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvDefaults, type CsvDialect } from '../../src/csv/dialect.ts';
import { QuoteState } from '../../src/csv/quote-state.ts';
import type { ByteRange, LongRecord, Mark, RangeReading, RangeScan } from '../../src/csv/range-scan.ts';
import { lookAheadBytes, lookBehindBytes, RangeScanner } from '../../src/csv/range-scanner.ts';

const backslashEscape: CsvDialect = { ...csvDefaults, escape: '\\' };
const dialects = [
  csvDefaults,
  backslashEscape,
  { ...csvDefaults, delimiter: '\t', quote: "'", escape: "'" },
  { ...csvDefaults, quote: '|', escape: '.' },
];
const lf = 0x0a;
const cr = 0x0d;

/** The rules of copyfromparse.c once more, a byte at a time and for one start state: slow, and plain to see. */
function readNaively(
  file: Buffer,
  { start, end }: ByteRange,
  startState: QuoteState,
  dialect: CsvDialect,
): RangeReading {
  const quote = dialect.quote.charCodeAt(0);
  const escape = dialect.escape.charCodeAt(0);
  const boundaries: Mark[] = [];
  const first: Record<'lf' | 'crlf' | 'cr', Mark | null> = { lf: null, crlf: null, cr: null };
  let endOfData: Mark | null = null;
  let isInside = startState !== QuoteState.Outside;
  let isEscaped = startState === QuoteState.Escaped;
  let lfs = 0;
  let crs = 0;
  for (let i = start; i < end; i++) {
    const byte = file[i]!;
    if (isInside && byte === escape && escape !== quote) isEscaped = !isEscaped;
    if (byte === quote && !isEscaped) isInside = !isInside;
    if (byte !== escape) isEscaped = false;
    if (byte !== lf && byte !== cr) continue;
    const line = file
      .subarray(0, i)
      .toString('latin1')
      .replace(/^\xef\xbb\xbf/u, '')
      .split(/[\r\n]/)
      .at(-1);
    if (!isInside && line === '\\.') endOfData ??= { offset: i - 2, lfs, crs };
    if (byte === lf) lfs++;
    else crs++;
    if (isInside || (byte === cr && file[i + 1] === lf)) continue;
    const mark = { offset: i + 1, lfs, crs };
    boundaries.push(mark);
    first[byte === cr ? 'cr' : file[i - 1] === cr ? 'crlf' : 'lf'] ??= mark;
  }
  return {
    endState: isEscaped ? QuoteState.Escaped : isInside ? QuoteState.Inside : QuoteState.Outside,
    records: boundaries.length,
    firstBoundary: boundaries[0] ?? null,
    lastBoundary: boundaries.at(-1) ?? null,
    lineEnds: first,
    endOfData,
    longest: longestOf(boundaries),
  };
}

/** The first of the longest records between two boundaries, if it has several lines. */
function longestOf(boundaries: readonly Mark[]): LongRecord | null {
  let longest: LongRecord | null = null;
  for (const [i, mark] of boundaries.entries()) {
    const at = boundaries[i - 1];
    if (at === undefined) continue;
    const lines = Math.max(mark.lfs - at.lfs, mark.crs - at.crs);
    if (lines > (longest?.lines ?? 1)) longest = { lines, at };
  }
  return longest;
}

function scan(file: Buffer, range: ByteRange, dialect: CsvDialect, pieces: readonly number[] = [1024]): RangeScan {
  const { start, end } = range;
  const before = file.subarray(Math.max(0, start - lookBehindBytes), start);
  const scanner = new RangeScanner(dialect, { start, end, before, after: file.subarray(end, end + lookAheadBytes) });
  for (let at = start, i = 0; at < end; i++) {
    const size = Math.min(pieces[i % pieces.length]!, end - at);
    scanner.feed(file.subarray(at, at + size));
    at += size;
  }
  return scanner.finish();
}

const token = fc.constantFrom(
  ...[
    '"',
    '""',
    "'",
    '|',
    '\\',
    '.',
    '\\.',
    '\n\\.\n',
    '\n',
    '\r',
    '\r\n',
    ',',
    '\t',
    'a',
    'é😀',
    '\ufeff',
    ' some plain text ',
  ],
);
const hostileFile = fc.array(token, { maxLength: 60 }).map((tokens) => Buffer.from(tokens.join('')));

test('a range reads the same in one pass as byte by byte, for every state it may begin in', () => {
  fc.assert(
    fc.property(
      hostileFile,
      fc.constantFrom(...dialects),
      fc.tuple(fc.nat(100), fc.nat(200)),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      (file, dialect, [from, size], pieces) => {
        const start = Math.min(from, file.length);
        const range = { start, end: Math.min(start + size, file.length) };
        const scanned = scan(file, range, dialect, pieces);
        const starts = Object.keys(scanned.readings) as QuoteState[];
        expect(starts).toHaveLength(dialect.escape === dialect.quote ? 2 : 3);
        for (const state of starts) {
          expect(scanned.readings[state]).toEqual(readNaively(file, range, state, dialect));
        }
        expect(JSON.parse(JSON.stringify(scanned))).toEqual(scanned);
      },
    ),
    { numRuns: 3000 },
  );
});

test('consecutive ranges lead to the same state as one range', () => {
  fc.assert(
    fc.property(hostileFile, fc.constantFrom(...dialects), fc.integer({ min: 1, max: 20 }), (file, dialect, size) => {
      let state: QuoteState = QuoteState.Outside;
      let records = 0;
      for (let start = 0; start < file.length; start += size) {
        const reading: RangeReading = scan(file, { start, end: Math.min(start + size, file.length) }, dialect).readings[
          state
        ]!;
        state = reading.endState;
        records += reading.records;
      }
      const whole = scan(file, { start: 0, end: file.length }, dialect).readings.outside!;
      expect({ state, records }).toEqual({ state: whole.endState, records: whole.records });
    }),
    { numRuns: 500 },
  );
});

test('a range that begins within a quoted field has other boundaries than one that does not', () => {
  const file = Buffer.from('a\nb"\nc\n');
  const { readings } = scan(file, { start: 0, end: file.length }, csvDefaults);
  expect(readings.outside).toMatchObject({
    endState: 'inside',
    records: 1,
    firstBoundary: { offset: 2, lfs: 1, crs: 0 },
  });
  expect(readings.inside).toMatchObject({
    endState: 'outside',
    records: 2,
    firstBoundary: { offset: 5, lfs: 2, crs: 0 },
  });
});

test('an escape at the end of a range reaches into the next one', () => {
  const file = Buffer.from('"a\\"\nb"\n');
  expect(scan(file, { start: 0, end: 3 }, backslashEscape).readings.outside?.endState).toBe('escaped');
  const { readings } = scan(file, { start: 3, end: file.length }, backslashEscape);
  expect(readings.escaped).toMatchObject({ endState: 'outside', records: 1, firstBoundary: { offset: 8 } });
  expect(readings.inside).toMatchObject({ endState: 'inside', records: 1, firstBoundary: { offset: 5 } });
});

test('a CRLF over the seam of two ranges is one line end, of the range with its LF', () => {
  const file = Buffer.from('a\r\nb');
  expect(scan(file, { start: 0, end: 2 }, csvDefaults).readings.outside?.firstBoundary).toBeNull();
  const { outside } = scan(file, { start: 2, end: 4 }, csvDefaults).readings;
  expect(outside?.lineEnds).toEqual({ lf: null, crlf: { offset: 3, lfs: 1, crs: 0 }, cr: null });
});

test('a byte order mark is seen by the first range, however short', () => {
  const file = Buffer.from('\ufeffa\n');
  expect(scan(file, { start: 0, end: 1 }, csvDefaults).bomBytes).toBe(3);
  expect(scan(file, { start: 1, end: 5 }, csvDefaults).bomBytes).toBe(0);
});

test('the first zero byte is found, with the lines before it', () => {
  const file = Buffer.from('a\nb\r\n\0c\0');
  expect(scan(file, { start: 1, end: file.length }, csvDefaults, [3]).nul).toEqual({ offset: 5, lfs: 2, crs: 1 });
});

test('a scanner that was fed too little says so', () => {
  const scanner = new RangeScanner(csvDefaults, { start: 0, end: 2, before: Buffer.alloc(0), after: Buffer.alloc(0) });
  scanner.feed(Buffer.from('a'));
  expect(() => scanner.finish()).toThrow('was fed up to byte 1');
});

test('a piece may be larger than the scanner reads in one go', () => {
  const bytes = Buffer.from('"a\nb",c\n'.repeat(300_000));
  const scanner = new RangeScanner(csvDefaults, {
    start: 0,
    end: bytes.length,
    before: Buffer.alloc(0),
    after: Buffer.alloc(0),
  });
  scanner.feed(bytes);
  const { readings } = scanner.finish();
  expect(readings.outside).toMatchObject({ records: 300_000, endState: QuoteState.Outside });
  expect(readings.inside).toMatchObject({ records: 300_000, endState: QuoteState.Inside });
});
