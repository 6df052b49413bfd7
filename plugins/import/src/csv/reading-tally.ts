import type { QuoteState } from './quote-state.ts';
import { LineEnd, type LongRecord, type Mark, type RangeReading } from './range-scan.ts';

const styles = [LineEnd.Lf, LineEnd.Crlf, LineEnd.Cr] as const;

/**
 * Collects the line ends of a range for all readings at once. A line end lies outside quotes in some of the readings,
 * which a mask names; the numbers are kept per mask and are added up per reading only at the end. Thus a line end costs
 * the same no matter how many readings it belongs to, and it costs little: this is called for every line of a file.
 */
export class ReadingTally {
  readonly #records: Float64Array;
  /** Three numbers per mask: offset, LFs and CRs of the last boundary. */
  readonly #last: Float64Array;
  /** Per mask: which styles have been seen, as bits. */
  readonly #seen: Uint8Array;
  readonly #first: Record<LineEnd, Mark | null>[];
  readonly #endOfData: (Mark | null)[];
  /** The mask of the last line end. */
  #mask = 0;
  /** Per reading: the boundary behind which it went into quotes; and the longest record so far. */
  readonly #open: (Mark | null)[];
  readonly #longest: (LongRecord | null)[];

  constructor(readings: number) {
    const masks = 1 << readings;
    this.#records = new Float64Array(masks);
    this.#last = new Float64Array(masks * 3);
    this.#seen = new Uint8Array(masks);
    this.#first = Array.from({ length: masks }, () => ({ lf: null, crlf: null, cr: null }));
    this.#endOfData = Array.from({ length: masks }, () => null);
    this.#open = Array.from({ length: readings }, () => null);
    this.#longest = Array.from({ length: readings }, () => null);
  }

  /** Notes a line end; `offset` is the first byte after it, `lfs` and `crs` are counted up to there. */
  addLineEnd(mask: number, style: LineEnd, offset: number, lfs: number, crs: number): void {
    if (mask !== this.#mask) this.#turn(mask, lfs, crs);
    this.#records[mask] = (this.#records[mask] ?? 0) + 1;
    this.#last[mask * 3] = offset;
    this.#last[mask * 3 + 1] = lfs;
    this.#last[mask * 3 + 2] = crs;
    const bit = style === LineEnd.Lf ? 1 : style === LineEnd.Crlf ? 2 : 4;
    const seen = this.#seen[mask] ?? 0;
    if ((seen & bit) !== 0) return;
    this.#seen[mask] = seen | bit;
    const first = this.#first[mask];
    if (first !== undefined) first[style] = { offset, lfs, crs };
  }

  /**
   * Other readings are outside quotes than at the last line end. Only then can a record of several lines begin or end, so that lines
   * of one record each cost nothing.
   */
  #turn(mask: number, lfs: number, crs: number): void {
    const left = this.#mask & ~mask;
    const entered = mask & ~this.#mask;
    for (const index of this.#open.keys()) {
      if ((left & (1 << index)) !== 0) this.#open[index] = this.#lastBoundary(this.#mask);
      const at = this.#open[index] ?? null;
      if ((entered & (1 << index)) === 0 || at === null) continue;
      const lines = Math.max(lfs - at.lfs, crs - at.crs);
      if (lines > (this.#longest[index]?.lines ?? 1)) this.#longest[index] = { lines, at };
    }
    this.#mask = mask;
  }

  /** Notes a `\.` alone on its line. */
  addEndOfData(mask: number, mark: Mark): void {
    this.#endOfData[mask] ??= mark;
  }

  /** What the reading with the bit `1 << index` saw, which ended in `endState`. */
  reading(index: number, endState: QuoteState): RangeReading {
    const masks = [...this.#first.keys()].filter((mask) => (mask & (1 << index)) !== 0);
    const [lf, crlf, cr] = styles.map((style) => earliest(masks.map((mask) => this.#first[mask]?.[style] ?? null)));
    const lineEnds = { lf: lf ?? null, crlf: crlf ?? null, cr: cr ?? null };
    return {
      endState,
      records: masks.reduce((sum, mask) => sum + (this.#records[mask] ?? 0), 0),
      firstBoundary: earliest(Object.values(lineEnds)),
      lastBoundary: masks.reduce<Mark | null>((latest, mask) => {
        const last = this.#lastBoundary(mask);
        return last !== null && last.offset > (latest?.offset ?? -1) ? last : latest;
      }, null),
      lineEnds,
      endOfData: earliest(masks.map((mask) => this.#endOfData[mask] ?? null)),
      longest: this.#longest[index] ?? null,
    };
  }

  #lastBoundary(mask: number): Mark | null {
    if ((this.#records[mask] ?? 0) === 0) return null;
    const [offset = 0, lfs = 0, crs = 0] = this.#last.subarray(mask * 3, mask * 3 + 3);
    return { offset, lfs, crs };
  }
}

/** The mark that comes first in the file. */
export function earliest<M extends { readonly offset: number }>(marks: readonly (M | null)[]): M | null {
  return marks.reduce(
    (first, mark) => (first === null || (mark !== null && mark.offset < first.offset) ? mark : first),
    null,
  );
}
