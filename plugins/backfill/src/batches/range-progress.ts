import { z } from 'zod';

/** How far a range is: its checkpoint in the ledger, moved with the rows of each batch. */
export type RangeProgress = {
  /** The last key that was passed; null: none yet, and the range has no lower end. */
  readonly after: string | null;
  /** Rows that were changed. */
  readonly rows: number;
  /** Rows that were passed, changed or not. */
  readonly passed: number;
  readonly batches: number;
  /** How many the last batch might have: where the next attempt begins. */
  readonly batchRows: number;
};

/** What a range returns when it is done, which is its ledger row's result as well. */
export const rangeResult = z.object({
  rows: z.number(),
  batches: z.number(),
  /** The last key that is sure to have been passed; null: none. */
  throughKey: z.string().nullable(),
});

export type RangeResult = z.output<typeof rangeResult>;
