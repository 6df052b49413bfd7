import { z } from 'zod';

/** The fields that every backfill's meta has: where, and how gently. To be spread into a schema of one's own. */
export const backfillTuning = {
  connection: z
    .string()
    .min(1)
    .max(64)
    .describe(
      "Name of the target database's connection, as the executors' configuration has it (LONGSHORE_CONNECTION_<NAME>).",
    ),
  targetBatchMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(150)
    .describe(
      'How long a batch, which is one transaction, should take, in milliseconds; the number of its rows follows from it. 10 to 60000. Whoever wants a row of a batch waits at most about this long. Default 150: above it hardly anything gets faster, and writers notice. Lower it when they do.',
    ),
  minBatchRows: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(50)
    .describe(
      'Rows below which a batch does not shrink for being slow; after a deadlock or time-out it may. 1 to 1000000. Default 50.',
    ),
  maxBatchRows: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(50_000)
    .describe(
      'Rows above which a batch does not grow, however fast it is; rows that where leaves out count. 1 to 1000000, not below minBatchRows. Default 50000.',
    ),
  lockTimeoutMs: z
    .int()
    .min(1)
    .max(60_000)
    .default(100)
    .describe(
      'How long a batch waits for a lock of somebody else, in milliseconds, before it lets go of its own rows and is tried again with fewer. 1 to 60000. Default 100. Raise it where writers hold rows for longer.',
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
