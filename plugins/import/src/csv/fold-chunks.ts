import { CsvError, CsvErrorCode } from './csv-error.ts';
import { QuoteState } from './quote-state.ts';
import { LineEnd, type ByteRange, type Mark, type RangeReading, type RangeScan } from './range-scan.ts';
import { earliest } from './reading-tally.ts';

/** What the scans are folded into. */
export interface FoldOptions {
  /** Size of the whole file in bytes. */
  readonly fileBytes: number;
  /** Whether the first record names the columns and belongs to no chunk. */
  readonly header: boolean;
  /**
   * How large a chunk should be. A chunk begins at the first boundary of a range, so it cannot be smaller than the
   * ranges are, and it is larger where one record spans ranges.
   */
  readonly targetChunkBytes: number;
  /** Lines of one record at most: more are two stray quotes rather than data. Default: any number. */
  readonly maxRecordLines?: number;
}

/** A part of the file that holds whole records and is one `COPY`. */
export interface Chunk extends ByteRange {
  /** Line in the file at which the chunk begins, from 1. */
  readonly firstLine: number;
  /** Records in the chunk: the rows that `COPY` must report. */
  readonly records: number;
}

/** A file as chunks that cover its records once and in order. */
export interface ChunkPlan {
  readonly chunks: readonly Chunk[];
  /** Records in the file, without the header. */
  readonly records: number;
  /** How the file ends its lines; null if it has one line at most. */
  readonly lineEnd: LineEnd | null;
}

/** A place in the file with its line, and the records that end before it. */
interface Boundary {
  readonly offset: number;
  readonly line: number;
  readonly records: number;
}

/**
 * Folds the scans of a file's ranges into chunks that end where Postgres ends a record. Knowing that the file begins
 * outside quotes, each range's end state says which of the next range's readings is the true one.
 *
 * A `COPY` of each chunk gives the rows that one `COPY` of the file would give, or one of both fails. What would fail the
 * file and could pass a chunk, or the reverse, is an error here:
 *
 * - **Line ends.** Postgres takes the style of a file from its first record's end, and fails at a CR or LF outside quotes
 *   that does not fit. A chunk begins without a style, so that a chunk of CRLF lines in an LF file would pass. So we ask
 *   for one style in all of the file, header included: `CSV_MIXED_LINE_ENDS` exactly where Postgres would fail. Line ends
 *   within quotes are data and may be mixed.
 * - **`\.` alone on a line.** Up to Postgres 17 it ends the data, and what follows is dropped without an error; for 18 it
 *   is data. It is an error here for all, since rows would depend on the version: `CSV_END_OF_DATA_MARKER`. Quoted
 *   (`"\."`) it is data everywhere, and so it is at the very end of a file, without a line end.
 * - **A quote that is open at the end of the file** would fail the last chunk, after all others. Postgres lets it pass
 *   in a header that swallows the file; here it is an error: `CSV_UNTERMINATED_QUOTE`.
 * - **A zero byte** fails in every encoding of Postgres: `CSV_NUL_BYTE`.
 * - **The character that stands for no quotes** would be one: `CSV_CONTROL_CHARACTER`.
 * - **A record of very many lines** is what two stray quotes make of the records between them: `CSV_RECORD_TOO_LONG`.
 *
 * The byte order mark, and the header with it, are in no chunk.
 *
 * @param scans - of ranges that cover the file without gaps, in order; none for an empty file.
 * @throws {CsvError} as above, with the first place in the file; `CSV_RANGES_INVALID` if the ranges do not fit together.
 */
export function foldChunks(scans: readonly RangeScan[], options: FoldOptions): ChunkPlan {
  const { fileBytes, header, targetChunkBytes, maxRecordLines = Infinity } = options;
  checkCoverage(scans, fileBytes);

  const boundaries: Boundary[] = [];
  let last: Boundary = { offset: scans[0]?.bomBytes ?? 0, line: 1, records: 0 };
  const dataStart = last;
  let state: QuoteState = QuoteState.Outside;
  let style: LineEnd | null = null;
  let lfs = 0;
  let crs = 0;
  const tooLong: CsvError[] = [];
  const limitLines = (lines: number, offset: number, line: number): void => {
    if (lines <= maxRecordLines) return;
    const message = `The record that begins here has ${lines} lines, and ${maxRecordLines} are the limit: a quote before it may have no partner. If all of it is data, raise maxRecordLines`;
    tooLong.push(new CsvError(CsvErrorCode.RecordTooLong, message, { offset, line }));
  };
  for (const scan of scans) {
    const reading = readingFrom(scan, state);
    style ??= firstStyle(reading);
    const lineOf = (mark: Mark): number => 1 + (style === LineEnd.Cr ? crs + mark.crs : lfs + mark.lfs);
    failAtFirstFault(scan, reading, style, lineOf);
    if (reading.firstBoundary !== null && reading.lastBoundary !== null) {
      const { firstBoundary, lastBoundary, records, longest } = reading;
      limitLines(lineOf(firstBoundary) - last.line, last.offset, last.line);
      if (longest != null) limitLines(longest.lines, longest.at.offset, lineOf(longest.at));
      boundaries.push({ offset: firstBoundary.offset, line: lineOf(firstBoundary), records: last.records + 1 });
      last = { offset: lastBoundary.offset, line: lineOf(lastBoundary), records: last.records + records };
    }
    state = reading.endState;
    lfs += scan.lfs;
    crs += scan.crs;
  }
  if (state !== QuoteState.Outside) {
    const message = 'A quoted field never ends, in the record that begins here: its closing quote is missing';
    throw new CsvError(CsvErrorCode.UnterminatedQuote, message, { offset: last.offset, line: last.line });
  }
  limitLines(1 + (style === LineEnd.Cr ? crs : lfs) - last.line, last.offset, last.line);
  // Behind all other faults: it tells less than they do.
  const [firstTooLong] = tooLong;
  if (firstTooLong !== undefined) throw firstTooLong;

  const end: Boundary = { offset: fileBytes, line: 0, records: last.records + (last.offset < fileBytes ? 1 : 0) };
  const first = header ? (boundaries[0] ?? end) : dataStart;
  return {
    chunks: cut(first, boundaries, end, targetChunkBytes),
    records: end.records - first.records,
    lineEnd: style,
  };
}

/**
 * Cuts at the first boundary in each `targetBytes` of the file. Cutting at the first boundary `targetBytes` after the last
 * cut would make chunks of two ranges wherever a record's end comes a byte too early.
 */
function cut(first: Boundary, boundaries: readonly Boundary[], end: Boundary, targetBytes: number): Chunk[] {
  const chunks: Chunk[] = [];
  const cell = (boundary: Boundary): number => Math.floor(boundary.offset / targetBytes);
  let start = first;
  const close = (next: Boundary): void => {
    const records = next.records - start.records;
    chunks.push({ start: start.offset, end: next.offset, firstLine: start.line, records });
    start = next;
  };
  for (const boundary of boundaries) {
    if (boundary.offset > start.offset && boundary.offset < end.offset && cell(boundary) > cell(start)) close(boundary);
  }
  if (start.offset < end.offset) close(end);
  return chunks;
}

function checkCoverage(scans: readonly RangeScan[], fileBytes: number): void {
  let covered = 0;
  for (const { start, end } of scans) {
    if (start !== covered || end < start) {
      throw new CsvError(CsvErrorCode.RangesInvalid, `The range ${start} to ${end} does not begin at byte ${covered}.`);
    }
    covered = end;
  }
  if (covered !== fileBytes) {
    throw new CsvError(CsvErrorCode.RangesInvalid, `The ranges cover ${covered} of the file's ${fileBytes} bytes.`);
  }
}

function readingFrom(scan: RangeScan, state: QuoteState): RangeReading {
  const reading = scan.readings[state];
  if (reading !== undefined) return reading;
  const message = `The range ${scan.start} to ${scan.end} was not read for a start ${state}: was another dialect used?`;
  throw new CsvError(CsvErrorCode.RangesInvalid, message);
}

function firstStyle({ lineEnds, firstBoundary }: RangeReading): LineEnd | null {
  const offset = firstBoundary?.offset;
  return Object.values(LineEnd).find((style) => lineEnds[style] !== null && lineEnds[style].offset === offset) ?? null;
}

function failAtFirstFault(
  scan: RangeScan,
  reading: RangeReading,
  style: LineEnd | null,
  lineOf: (mark: Mark) => number,
): void {
  const faults = [
    fault(scan.nul, CsvErrorCode.NulByte, 'The file has a zero byte; it may be UTF-16, or no text'),
    fault(
      scan.standIn ?? null,
      CsvErrorCode.ControlCharacter,
      'The file has the character DEL (0x7F), which no file may have whose quotes are data; remove it, or give a quote',
    ),
    fault(
      reading.endOfData,
      CsvErrorCode.EndOfDataMarker,
      'A line is only \\., which some versions of Postgres read as the end of the data; remove it, or quote it if it is data',
    ),
    ...Object.values(LineEnd)
      .filter((other) => other !== style)
      .map((other) =>
        fault(
          lineEndBefore(reading.lineEnds[other], other),
          CsvErrorCode.MixedLineEnds,
          `This line ends in ${other.toUpperCase()}, and those before it in ${String(style).toUpperCase()}`,
        ),
      ),
  ];
  const first = earliest(faults);
  if (first !== null) {
    throw new CsvError(first.code, first.message, { offset: first.offset, line: lineOf(first.mark) });
  }
}

/** The first byte of the line end before a boundary. */
function lineEndBefore(boundary: Mark | null, style: LineEnd): Mark | null {
  if (boundary === null) return null;
  const lfs = style === LineEnd.Cr ? 0 : 1;
  const crs = style === LineEnd.Lf ? 0 : 1;
  return { offset: boundary.offset - lfs - crs, lfs: boundary.lfs - lfs, crs: boundary.crs - crs };
}

interface Fault {
  readonly offset: number;
  readonly mark: Mark;
  readonly code: CsvErrorCode;
  readonly message: string;
}

function fault(mark: Mark | null, code: CsvErrorCode, message: string): Fault | null {
  return mark === null ? null : { offset: mark.offset, mark, code, message };
}
