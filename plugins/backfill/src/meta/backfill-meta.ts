import { z } from 'zod';
import { backfillTuning } from './tuning.ts';

/** What a submit of a `backfill` says. */
export const backfillMeta = z.strictObject({
  ...backfillTuning,
  table: z
    .string()
    .min(1)
    .max(300)
    .describe(
      'Table as SQL names it: orders, sales.orders, sales."Orders". Without a schema the role\'s search_path counts. Plain or partitioned, with a primary key of one column of type smallint, integer, bigint or uuid.',
    ),
  set: z
    .record(z.string().min(1).max(63), z.string().min(1).max(10_000))
    .refine((set) => Object.keys(set).length > 0, 'must name at least one column')
    .describe(
      'The new value of each column, as an SQL expression over the present row: {"total": "price * quantity"}. Names are those of the table, without quotes, and not the primary key.',
    ),
  where: z
    .string()
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      'Which rows to change, as an SQL predicate: "total IS NULL". Best one that is false once a row is changed: then the result counts the remaining rows. Default: all rows.',
    ),
});

export type BackfillMeta = z.output<typeof backfillMeta>;
