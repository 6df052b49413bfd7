import { z } from 'zod';
import { LineEnd, type ByteRange } from '../csv/range-scan.ts';

/** What one subtask of `scan` is asked: a part of a file, in ranges of one chunk's size. */
export const scanWork = z.strictObject({
  /** Number of the file in the prepared meta. */
  file: z.int().min(0),
  start: z.int().min(0),
  end: z.int().min(0),
});

export type ScanWork = z.output<typeof scanWork>;

const mark = z.object({ offset: z.number(), lfs: z.number(), crs: z.number() });
const reading = z.object({
  endState: z.enum(['outside', 'inside', 'escaped']),
  records: z.number(),
  firstBoundary: mark.nullable(),
  lastBoundary: mark.nullable(),
  lineEnds: z.object({
    [LineEnd.Lf]: mark.nullable(),
    [LineEnd.Crlf]: mark.nullable(),
    [LineEnd.Cr]: mark.nullable(),
  }),
  endOfData: mark.nullable(),
  longest: z.object({ lines: z.number(), at: mark }).nullish(),
});
const rangeScan = z.object({
  start: z.number(),
  end: z.number(),
  bomBytes: z.number(),
  lfs: z.number(),
  crs: z.number(),
  nul: mark.nullable(),
  standIn: mark.nullish(),
  readings: z.object({ outside: reading.optional(), inside: reading.optional(), escaped: reading.optional() }),
});

/** What it returns: the file's number, and the scans of its ranges in order. */
export const scanResult = z.object({ file: z.number(), scans: z.array(rangeScan) });

/** The ranges of a part of a file. */
export function rangesOf(part: ByteRange, rangeBytes: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let start = part.start; start < part.end; start += rangeBytes) {
    ranges.push({ start, end: Math.min(start + rangeBytes, part.end) });
  }
  return ranges;
}
