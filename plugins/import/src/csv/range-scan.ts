import type { QuoteState } from './quote-state.ts';

/** The three ways to end a line. A CR that an LF follows is one CRLF, never a CR and an LF. */
export const LineEnd = { Lf: 'lf', Crlf: 'crlf', Cr: 'cr' } as const;

export type LineEnd = (typeof LineEnd)[keyof typeof LineEnd];

/** A byte range of the file: `start` is in it, `end` is not. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A place in the file, with what is needed to give its line later: how many LF and how many CR bytes lie between the
 * start of the range and it. Which of the two counts lines is known only once the file's first line end is.
 */
export interface Mark {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly lfs: number;
  readonly crs: number;
}

/** What a range turns out to hold if it begins in one certain state. */
export interface RangeReading {
  /** The state in which the next range begins. */
  readonly endState: QuoteState;
  /** Record ends in the range. */
  readonly records: number;
  /** The first byte after the first record end, which may be the range's end; null if no record ends in the range. */
  readonly firstBoundary: Mark | null;
  /** The first byte after the last record end. */
  readonly lastBoundary: Mark | null;
  /** Per style: the first byte after the first line end of that style outside quotes. */
  readonly lineEnds: Readonly<Record<LineEnd, Mark | null>>;
  /** The backslash of the first `\.` that is alone on its line. It may lie up to two bytes before the range. */
  readonly endOfData: Mark | null;
  /** Of the records that begin and end in the range and have several lines, the longest; null or absent: there is none. */
  readonly longest?: LongRecord | null | undefined;
}

/** A record of several lines. */
export interface LongRecord {
  readonly lines: number;
  /** Where it begins. */
  readonly at: Mark;
}

/** One range read once: plain data that a subtask returns, and that survives JSON. */
export interface RangeScan extends ByteRange {
  /** 3 if the file begins with a UTF-8 byte order mark and this is its first range, else 0. */
  readonly bomBytes: number;
  /** LF bytes in the range, within quotes or not. */
  readonly lfs: number;
  /** CR bytes in the range, within quotes or not. */
  readonly crs: number;
  /** The first zero byte. */
  readonly nul: Mark | null;
  /** The first character that stands for no quotes, where quotes are data. */
  readonly standIn?: Mark | null | undefined;
  /** Per state the range may begin in; without `escaped` where the escape is the quote. */
  readonly readings: Readonly<Partial<Record<QuoteState, RangeReading>>>;
}
