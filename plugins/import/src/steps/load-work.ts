import { z } from 'zod';
import { LineEnd } from '../csv/range-scan.ts';

/** What one subtask of `load` is asked: a chunk of a file, or a file of one chunk, which nobody has looked into yet. */
export const loadWork = z.strictObject({
  /** Number of the file in the prepared meta. */
  file: z.int().min(0),
  chunk: z
    .strictObject({
      start: z.int().min(0),
      end: z.int().min(0),
      firstLine: z.int().min(1),
      records: z.int().min(0),
      /** The file's line ends. */
      lineEnd: z.enum(Object.values(LineEnd)).nullable(),
    })
    .nullable(),
});

export type LoadWork = z.output<typeof loadWork>;

/** What it returns, which is its ledger row's result as well. */
export const loadResult = z.object({
  file: z.number(),
  rows: z.number(),
  /** Bytes that were sent, without header. */
  bytes: z.number(),
});

export type LoadResult = z.output<typeof loadResult>;
