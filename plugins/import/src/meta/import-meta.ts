import { metaSchema, type MetaSchema } from '@longshore/sdk';
import { z } from 'zod';
import { preparedImport } from './prepared-import.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Below it a chunk's transaction takes longer than its rows. */
export const MIN_CHUNK_BYTES = 64 * KIB;
/** A chunk is what a crash makes an executor load again. */
export const MAX_CHUNK_BYTES = 1024 * MIB;

const character = z.string().length(1);

/** A path or pattern. A relative one would mean another file in each process. */
const path = z
  .string()
  .max(4_096)
  .regex(/^\//)
  .meta({ errorMessage: 'must be an absolute path or pattern, such as /data/orders.csv' });

/** What a submit of an `import` says. */
export const submittedImport = z.strictObject({
  connection: z
    .string()
    .min(1)
    .max(64)
    .describe(
      "Name of the target database's connection in the executors' configuration (LONGSHORE_CONNECTION_<NAME>).",
    ),
  table: z
    .string()
    .min(1)
    .max(300)
    .describe(
      'Target table as SQL names it: orders, sales.orders, sales."Orders". Without a schema the role\'s search_path counts. A plain or partitioned table; it must be empty.',
    ),
  files: z
    .union([path, z.array(path).min(1)])
    .describe(
      'Absolute path of a file, or a pattern (*, **, ?, [a-z], {a,b}), or a list of these. Only below the folders in the executors\' setting "roots"; symbolic links are followed first. Every executor that runs imports must see the files under the same path.',
    ),
  format: z
    .enum(['csv', 'tsv'])
    .default('csv')
    .describe(
      "Format of the files. csv follows the CSV rules of Postgres (quotes, doubled quotes, line ends within quotes). tsv has a tab between fields, and quotes are data unless quote is given. The backslashes of Postgres' own text format have no meaning. UTF-8. Default csv.",
    ),
  header: z
    .boolean()
    .default(false)
    .describe(
      'Whether the first record of each file names its columns, exactly as in the table. All files must have the same header. Not together with columns. Default false.',
    ),
  columns: z
    .array(z.string().min(1).max(63))
    .min(1)
    .max(1600)
    .optional()
    .describe(
      "Names of the table's columns in the files, in the files' order, for files without a header. Without quotes, in the case of the table. Default: all columns in the table's order, without generated ones.",
    ),
  delimiter: character.optional().describe('Between fields. One ASCII character. Default: , for csv, a tab for tsv.'),
  quote: z
    .string()
    .max(1)
    .optional()
    .describe(
      'Around fields that contain delimiters, quotes or line ends. One ASCII character; empty: quotes are data, and no field can contain delimiters or line ends. Default: " for csv, empty for tsv.',
    ),
  escape: character
    .optional()
    .describe('Before a quote that is data. One ASCII character. Default: the quote, so that "" is one quote.'),
  nullText: z
    .string()
    .max(100)
    .default('')
    .describe(
      'The text of an unquoted field that means NULL. Default: empty, so that an empty field is NULL and "" is an empty string, for csv and tsv. For files that write \\N give \\N.',
    ),
  dateOrder: z
    .enum(['ymd', 'mdy', 'dmy'])
    .optional()
    .describe(
      'How dates such as 02/01/2026 are read: mdy takes it for 1 February, dmy for 2 January. Default: the DateStyle of the server or role.',
    ),
  maxRecordLines: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .default(1_000)
    .describe(
      'Lines of one record at most, counted with those within its quotes, 1 to 1000000000. Default 1000. A longer one fails the import, as two stray quotes make one record of all that is between them. Raise it for files with long texts.',
    ),
  chunkBytes: z
    .int()
    .min(MIN_CHUNK_BYTES)
    .max(MAX_CHUNK_BYTES)
    .optional()
    .describe(
      'Bytes of one chunk: one COPY, one transaction, one subtask. 65536 to 1073741824. Default: a 32nd of the input, between 8 MiB and 32 MiB. Raise it if commits are slow. Lower it to lose less when an executor dies, or to use more nodes. A longer record makes a longer chunk.',
    ),
});

/** The meta of an `import`: with what it found when it began, which `prepare` writes. */
export const importMeta = submittedImport.extend({ prepared: preparedImport.optional() });

export type ImportMeta = z.output<typeof importMeta>;

/** What the framework is told of both. */
export const importMetaSchema: MetaSchema<ImportMeta> = metaSchema({ submitted: submittedImport, whole: importMeta });
