import { z } from 'zod';

/** One table's part of the index, as a plan freezes it: what a subtask of `parents` or `build` is asked. */
export const indexWork = z.strictObject({
  /** Decimal: the table may be renamed meanwhile. */
  tableOid: z.string(),
  /** Qualified and quoted, as it was when planned; for messages. */
  table: z.string(),
  /** What its index will be called, not quoted. */
  name: z.string(),
  /** The parent table's index that this one will be attached to; null for the root's and for a plain table's. */
  parentIndexOid: z.string().nullable(),
  /** Rows and bytes of the table as planned. */
  rows: z.number(),
  bytes: z.number(),
});

export type IndexWork = z.output<typeof indexWork>;

/** What such a subtask did, which is its ledger row's result as well. */
export const indexMade = z.object({
  tableOid: z.string(),
  /** Qualified and quoted; null when there is none. */
  index: z.string().nullable(),
  indexOid: z.string().nullable(),
  /** `built` is ours and goes with a revert; `adopted` was there; `gone`: the partition was dropped or detached. */
  origin: z.enum(['built', 'adopted', 'gone']),
});

export type IndexMade = z.output<typeof indexMade>;

/** What the last look at the whole index found. */
export const indexVerified = z.object({
  /** Qualified and quoted. */
  index: z.string(),
  /** Partitions of all levels that it is on; 0 for a plain table. */
  partitions: z.int(),
});

export type IndexVerified = z.output<typeof indexVerified>;
