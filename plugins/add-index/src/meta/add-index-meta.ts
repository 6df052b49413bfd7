import { z } from 'zod';
import { indexShape } from './index-shape.ts';
import { preparedIndex } from './prepared-index.ts';

/** What a submit of an `add-index` says. */
export const addIndexMeta = z.strictObject({
  connection: z
    .string()
    .min(1)
    .max(64)
    .describe(
      "Name of the target database's connection, as the executors' configuration has it (LONGSHORE_CONNECTION_<NAME>).",
    ),
  index: indexShape.optional().describe('The index, field by field. Either this or statement.'),
  statement: z
    .string()
    .min(1)
    .max(32_000)
    .optional()
    .describe(
      'The index as a CREATE INDEX statement. CONCURRENTLY and IF NOT EXISTS may be in it and change nothing: it is always built concurrently, and an equal index is always taken as it is. Either this or index.',
    ),
  lockTimeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(100)
    .describe(
      'How long each try waits for a lock that keeps writers waiting behind it, in milliseconds, 10 to 60000. Default 100: the longest pause that a writer gets from it. Raise it when ordinary transactions take longer, or no try will ever come through. Building itself takes no such lock.',
    ),
  maxConcurrentBuilds: z
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe(
      'How many indexes may be built in the target database at once, over all nodes and tasks, 1 to 64. Default 2. Raise it together with the slots of the task, where the server has cores, memory (maintenance_work_mem each) and disk to spare.',
    ),
  prepared: preparedIndex
    .optional()
    .describe('What was found when the task began. Written by the task itself; what a submit says here is replaced.'),
});

export type AddIndexMeta = z.output<typeof addIndexMeta>;
