import { z } from 'zod';
import { keyRange } from '../ranges/key-range.ts';
import { backfillTarget } from '../table/backfill-target.ts';

/** What one subtask is asked: a range of the table. Of `update` and `tail` to change it, of `verify` to count in it. */
export const rangeWork = z.strictObject({
  target: backfillTarget,
  range: keyRange,
  /** When the range's end was read, in seconds since 1970 by the target's clock. */
  plannedAt: z.number(),
});

export type RangeWork = z.output<typeof rangeWork>;
