import { ByteMarks } from './byte-marks.ts';
import type { CsvDialect } from './dialect.ts';
import { type JointStates, jointStates, type QuoteState } from './quote-state.ts';
import { type ByteRange, LineEnd, type Mark, type RangeReading, type RangeScan } from './range-scan.ts';
import { ReadingTally } from './reading-tally.ts';

/**
 * Bytes before a range that decide what its first line end is: CRLF or LF, and a line of its own for `\.`. Five, because
 * a line `\.` may stand behind a byte order mark.
 */
export const lookBehindBytes = 5;

/** Bytes after a range that decide whether a CR at its end is a CRLF, and whether a file begins with a byte order mark. */
export const lookAheadBytes = 2;

const lf = 0x0a;
const cr = 0x0d;
const dot = 0x2e;
const backslash = 0x5c;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** The part of a file that a scanner reads, and the bytes around it. */
export interface ScannedRange extends ByteRange {
  /** The `lookBehindBytes` before `start`, or all there are. */
  readonly before: Uint8Array;
  /** The `lookAheadBytes` from `end` on, or all there are. */
  readonly after: Uint8Array;
}

/**
 * Reads a range of a CSV file once, for every state it may begin in, and tells where its records end. Pure: feed it the
 * range's bytes in order, in pieces of any size, then finish it.
 *
 * Almost all bytes mean nothing here, only quotes, escapes and line ends do. So those are marked first, sixteen bytes in one go, and
 * only they are stepped through. Searching for each character with `Buffer.indexOf` is five times slower where quotes are many.
 */
export class RangeScanner {
  readonly #range: ScannedRange;
  readonly #quote: number;
  readonly #escape: number;
  readonly #isQuoted: boolean;
  readonly #states: JointStates;
  readonly #tally: ReadingTally;
  readonly #marks = new ByteMarks();

  /** The joint state of all readings. */
  #state = 0;
  #lfs = 0;
  #crs = 0;
  #nul: Mark | null = null;
  #standIn: Mark | null = null;
  /** Absolute offset of the next byte to be read. */
  #offset: number;
  /** The bytes before `#offset`, for looking back over the seam between two pieces. */
  #tail: Uint8Array;
  /** The range's first three bytes, which may be a byte order mark. */
  readonly #head: number[] = [];
  /** Whether the last byte was a CR, whose meaning hangs on the next one. */
  #isCrPending = false;

  /** @param range - the bytes that will be fed, and those around them. */
  constructor(dialect: CsvDialect, range: ScannedRange) {
    this.#range = range;
    this.#quote = dialect.quote.charCodeAt(0);
    this.#escape = dialect.escape.charCodeAt(0);
    this.#isQuoted = dialect.isQuoted;
    this.#states = jointStates(dialect);
    this.#tally = new ReadingTally(this.#states.starts.length);
    this.#offset = range.start;
    this.#tail = range.before;
  }

  /** A buffer to read a piece into: what is fed from it needs not be copied. */
  get buffer(): Buffer {
    return this.#marks.bytes;
  }

  /** Reads the next piece of the range. Its buffer may be reused afterwards. */
  feed(piece: Buffer): void {
    const { bytes } = this.#marks;
    for (let start = 0; start < piece.length; start += bytes.length) {
      const part = piece.subarray(start, start + bytes.length);
      if (part.buffer !== bytes.buffer || part.byteOffset !== bytes.byteOffset) part.copy(bytes);
      this.#scan(bytes.subarray(0, part.length));
    }
  }

  /**
   * What the range holds, per state it may begin in.
   *
   * @throws {RangeError} if fewer or more bytes were fed than the range has, which is a mistake of the caller.
   */
  finish(): RangeScan {
    const { start, end, after } = this.#range;
    if (this.#offset !== end) throw new RangeError(`Range ${start} to ${end} was fed up to byte ${this.#offset}.`);
    this.#settleCr(after[0]);
    const head = [...this.#head, ...after];
    const hasByteOrderMark = start === 0 && byteOrderMark.every((byte, i) => head[i] === byte);
    const readings: Partial<Record<QuoteState, RangeReading>> = {};
    for (const [i, endState] of (this.#states.members[this.#state] ?? []).entries()) {
      const startState = this.#states.starts[i];
      if (startState !== undefined) readings[startState] = this.#tally.reading(i, endState);
    }
    return {
      start,
      end,
      bomBytes: hasByteOrderMark ? byteOrderMark.length : 0,
      lfs: this.#lfs,
      crs: this.#crs,
      nul: this.#nul,
      ...(!this.#isQuoted && { standIn: this.#standIn }),
      readings,
    };
  }

  /** Reads a piece that lies at the start of the marked buffer. */
  #scan(bytes: Buffer): void {
    for (let i = 0; this.#head.length < byteOrderMark.length && i < bytes.length; i++) this.#head.push(bytes[i] ?? 0);
    this.#settleCr(bytes[0]);
    this.#nul ??= this.#find(bytes, 0);
    if (!this.#isQuoted) this.#standIn ??= this.#find(bytes, this.#quote);

    const { afterQuote, afterEscape, afterOther, outside } = this.#states;
    const quote = this.#quote;
    const escape = this.#escape;
    const hasEscape = quote !== escape;
    const masks = this.#marks.mark(bytes.length, [quote, escape, lf, cr]);
    let state = this.#state;
    let unread = 0;
    for (let word = 0; word < masks.length; word++) {
      for (let hits = masks[word] ?? 0; hits !== 0; hits &= hits - 1) {
        const i = word * 32 + (31 - Math.clz32(hits & -hits));
        const byte = bytes[i] ?? 0;
        // The plain bytes since the last hit end what an escape there began.
        if (hasEscape && i > unread) state = afterOther[state] ?? 0;
        unread = i + 1;
        if (byte === quote) {
          state = afterQuote[state] ?? 0;
        } else if (hasEscape && byte === escape) {
          state = afterEscape[state] ?? 0;
        } else {
          if (hasEscape) state = afterOther[state] ?? 0;
          this.#readLineEnd(bytes, i, outside[state] ?? 0);
        }
      }
    }
    if (hasEscape && unread < bytes.length) state = afterOther[state] ?? 0;
    this.#state = state;

    this.#isCrPending = bytes.at(-1) === cr;
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-lookBehindBytes)]).subarray(-lookBehindBytes);
    this.#offset += bytes.length;
  }

  /** Reads the CR or LF at index `i`, which is outside quotes for the readings in the mask. */
  #readLineEnd(bytes: Buffer, i: number, mask: number): void {
    const previous = i > 0 ? bytes[i - 1] : this.#byteAt(bytes, -1);
    if (previous === dot && this.#isEndOfData(bytes, i)) {
      this.#tally.addEndOfData(mask, { offset: this.#offset + i - 2, lfs: this.#lfs, crs: this.#crs });
    }
    const boundary = this.#offset + i + 1;
    if (bytes[i] === lf) {
      this.#lfs++;
      this.#tally.addLineEnd(mask, previous === cr ? LineEnd.Crlf : LineEnd.Lf, boundary, this.#lfs, this.#crs);
      return;
    }
    this.#crs++;
    if (i + 1 < bytes.length && bytes[i + 1] !== lf) {
      this.#tally.addLineEnd(mask, LineEnd.Cr, boundary, this.#lfs, this.#crs);
    }
  }

  /** Decides about a CR at the end of the last piece, now that the byte after it is known; undefined at the file's end. */
  #settleCr(next: number | undefined): void {
    if (this.#isCrPending && next !== lf) {
      const mask = this.#states.outside[this.#state] ?? 0;
      this.#tally.addLineEnd(mask, LineEnd.Cr, this.#offset, this.#lfs, this.#crs);
    }
    this.#isCrPending = false;
  }

  /**
   * Whether the line that ends at index `i` is a dot behind something that makes it `\.`. Where this line end is outside
   * quotes, the one before it is too, since neither `\` nor `.` can be a quote.
   */
  #isEndOfData(bytes: Buffer, i: number): boolean {
    if (this.#byteAt(bytes, i - 2) !== backslash) return false;
    const offset = this.#offset + i - 2;
    const previous = this.#byteAt(bytes, i - 3);
    if (offset === 0 || previous === lf || previous === cr) return true;
    return offset === byteOrderMark.length && byteOrderMark.every((byte, k) => this.#byteAt(bytes, i - 5 + k) === byte);
  }

  /** The byte at an index of the piece, which may reach back before the piece; undefined before the file. */
  #byteAt(bytes: Buffer, index: number): number | undefined {
    return index >= 0 ? bytes[index] : this.#tail[this.#tail.length + index];
  }

  /** The first byte of this value in a piece. */
  #find(bytes: Buffer, wanted: number): Mark | null {
    const index = bytes.indexOf(wanted);
    if (index < 0) return null;
    const isBefore = (value: number) => (count: number, byte: number) => (byte === value ? count + 1 : count);
    const before = bytes.subarray(0, index);
    return {
      offset: this.#offset + index,
      lfs: this.#lfs + before.reduce(isBefore(lf), 0),
      crs: this.#crs + before.reduce(isBefore(cr), 0),
    };
  }
}
