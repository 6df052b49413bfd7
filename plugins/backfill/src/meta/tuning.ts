import { z } from 'zod';

/** The fields that every backfill's meta has: where, and how gently. To be spread into a schema of one's own. */
export const backfillTuning = {
  connection: z
    .string()
    .min(1)
    .max(64)
    .describe(
      "Name of the target database's connection in the executors' configuration (LONGSHORE_CONNECTION_<NAME>).",
    ),
  targetBatchMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(150)
    .describe(
      'How long a batch, which is one transaction, should take, in milliseconds; the number of its rows follows from it. 10 to 60000. A writer waits at most about this long for a row of a batch. Default 150: a higher value makes little faster, and writers notice. Lower it if they do.',
    ),
  minBatchRows: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(50)
    .describe(
      'A slow batch does not shrink below this number of rows; after a deadlock or time-out it may. 1 to 1000000. Default 50.',
    ),
  maxBatchRows: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(50_000)
    .describe(
      'A batch does not grow above this number of rows; rows that where excludes count. 1 to 1000000, not below minBatchRows. Default 50000.',
    ),
  lockTimeoutMs: z
    .int()
    .min(1)
    .max(60_000)
    .default(100)
    .describe(
      "How long a batch waits for somebody else's lock, in milliseconds, before it rolls back and is tried again with fewer rows. 1 to 60000. Default 100. Raise it if writers lock rows for longer.",
    ),
  rangeRows: z
    .int()
    .min(1)
    .optional()
    .describe(
      'Rows of one range, which is one subtask. Default: a 32nd of the table, between 100000 and 1000000. Lower it to use more nodes for a small table.',
    ),
  dryRun: z
    .boolean()
    .default(false)
    .describe(
      'Changes nothing: the result has the plan, an estimate, and some rows before and after, from a transaction that is rolled back (its triggers run). Default false.',
    ),
} as const;

/** The fields of {@link backfillTuning} with their defaults filled in. */
export type BackfillTuning = z.output<z.ZodObject<typeof backfillTuning>>;
