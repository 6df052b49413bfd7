import { metaSchema, type MetaSchema } from '@longshore/sdk';
import { z } from 'zod';
import { indexShape } from './index-shape.ts';
import { preparedIndex } from './prepared-index.ts';

/** What a submit of an `add-index` says. */
export const submittedAddIndex = z.strictObject({
  connection: z
    .string()
    .min(1)
    .max(64)
    .describe(
      "Name of the target database's connection in the executors' configuration (LONGSHORE_CONNECTION_<NAME>).",
    ),
  index: indexShape.optional().describe('The index, field by field. Either this or statement.'),
  statement: z
    .string()
    .min(1)
    .max(32_000)
    .optional()
    .describe(
      'The index as a CREATE INDEX statement. CONCURRENTLY and IF NOT EXISTS change nothing: the index is always built concurrently, and an equal index is always used as it is. Either this or index.',
    ),
  lockTimeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(100)
    .describe(
      'How long each try waits for a lock that makes writers wait, in milliseconds, 10 to 60000. Default 100: the longest wait of a writer behind a try. Raise it if usual transactions take longer; otherwise no try succeeds. The build itself takes no such lock.',
    ),
  maxConcurrentBuilds: z
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe(
      'How many indexes may be built in the target database at once, over all nodes and tasks, 1 to 64. Default 2. Raise it together with the slots of the task, if the server has spare cores, memory (maintenance_work_mem each) and disk.',
    ),
});

/** The meta of an `add-index`: with what it found when it began, which `prepare` writes. */
export const addIndexMeta = submittedAddIndex.extend({ prepared: preparedIndex.optional() });

export type AddIndexMeta = z.output<typeof addIndexMeta>;

/** What the framework is told of both. */
export const addIndexMetaSchema: MetaSchema<AddIndexMeta> = metaSchema({
  submitted: submittedAddIndex,
  whole: addIndexMeta,
});
