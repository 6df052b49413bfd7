import type { FileHandle } from 'node:fs/promises';
import {
  SummaryCounters,
  type JsonValue,
  type SqlClient,
  type StepExecutor,
  type SubtaskContext,
} from '@longshore/sdk';
import { copyOptions } from '../csv/copy-options.ts';
import { foldChunks } from '../csv/fold-chunks.ts';
import type { CsvDialect } from '../csv/dialect.ts';
import { scanRange } from '../csv/scan-range.ts';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import { withTableName } from '../errors/postgres-error.ts';
import { withInput } from '../files/open-input.ts';
import { dialectOfMeta } from '../meta/dialect-of-meta.ts';
import type { ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';
import type { InputFile } from '../meta/prepared-import.ts';
import { fileOfPrepared, preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { explainRowError } from './explain-row-error.ts';
import { loadResult, loadWork, type LoadResult, type LoadWork } from './load-work.ts';
import { withNothingLoaded } from './nothing-loaded.ts';
import { sendRange } from './send-range.ts';

type Context = SubtaskContext<ImportMeta, ImportSettings>;
type WorkChunk = NonNullable<LoadWork['chunk']>;

/** Of what the server has taken, committed or not: `bytes`, then `rows` and `chunks` when a COPY is through. */
const counters = new SummaryCounters();

/** Loads chunks: one COPY each, in one transaction with the chunk's ledger row. */
export const loadStep: StepExecutor<ImportMeta, ImportSettings> = {
  ...counters.hooks,
  async runSubtask(context: Context): Promise<JsonValue> {
    const { task, settings, progress } = context;
    const work = loadWork.parse(context.subtask.meta);
    const prepared = preparedOfMeta(task.meta);
    const file = fileOfPrepared(prepared, work.file);
    try {
      await context.throttle.beforeBatch({ rows: work.chunk?.records ?? 0, statements: 1 });
      const outcome = await context.connection(task.meta.connection).effectOnce((client) =>
        // Opened behind the ledger's row: what was loaded by an earlier attempt needs no file.
        withInput(file, settings.roots, (handle) => loadChunk(context, client, { work, file, handle })),
      );
      const { rows, bytes } = loadResult.parse(outcome.result);
      progress.add(outcome.isRepeat ? { rows, bytes } : { rows });
      return outcome.result;
    } catch (error) {
      throw withTableName(await withNothingLoaded(error, context), prepared.table.name);
    }
  },
};

interface ChunkOptions {
  readonly dialect: CsvDialect;
  readonly maxRecordLines: number;
  readonly signal: AbortSignal;
}

interface OpenWork {
  readonly work: LoadWork;
  readonly file: InputFile;
  readonly handle: FileHandle;
}

async function loadChunk(
  { task, subtask, signal, progress, throttle }: Context,
  client: SqlClient,
  { work, file, handle }: OpenWork,
): Promise<LoadResult> {
  const { table, columns } = preparedOfMeta(task.meta);
  const dialect = dialectOfMeta(task.meta);
  const chunk =
    work.chunk ?? (await chunkOfFile(handle, file, { dialect, maxRecordLines: task.meta.maxRecordLines, signal }));
  if (chunk === null) return { file: work.file, rows: 0, bytes: 0 };
  // How many rows a file has that was not scanned is known only now.
  if (work.chunk === null) await throttle.spend({ rows: chunk.records });
  const { dateOrder } = task.meta;
  if (dateOrder !== undefined) await client.query(`SET LOCAL datestyle = 'ISO, ${dateOrder.toUpperCase()}'`);
  const statement = `COPY ${table.name} (${columns.join(', ')}) FROM STDIN WITH ${copyOptions(dialect)}`;
  try {
    const rows = await sendRange(client, handle, chunk, {
      statement,
      signal,
      beforeSend: (bytes) => throttle.spend({ bytes }),
      onSent: (bytes) => {
        progress.add({ bytes });
        counters.add(subtask.id, { bytes });
      },
    });
    counters.add(subtask.id, { rows, chunks: 1 });
    // Deferred constraints are checked now: at the commit nobody would know the file any more.
    await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    if (rows !== chunk.records) throw rowsLost(file.path, table.name, chunk, rows);
    return { file: work.file, rows, bytes: chunk.end - chunk.start };
  } catch (error) {
    throw await explainRowError(error, { path: file.path, file: handle, chunk, dialect, table: table.name, signal });
  }
}

/**
 * The one chunk of a file that was not scanned, which is scanned now: Postgres alone would end silently at a line `\.`, and
 * the lines and records are needed for errors and counts. Reading it twice is cheap: it fits into one chunk.
 *
 * @returns null for a file without records.
 */
async function chunkOfFile(
  handle: FileHandle,
  { bytes: fileBytes }: InputFile,
  { dialect, maxRecordLines, signal }: ChunkOptions,
): Promise<WorkChunk | null> {
  const scan = await scanRange(handle, { start: 0, end: fileBytes }, { dialect, fileBytes, signal });
  const options = { fileBytes, header: dialect.header, targetChunkBytes: fileBytes + 1, maxRecordLines };
  const { chunks, lineEnd } = foldChunks([scan], options);
  const [chunk] = chunks;
  return chunk === undefined ? null : { ...chunk, lineEnd };
}

function rowsLost(path: string, table: string, chunk: WorkChunk, rows: number): Error {
  const message = `${path} has ${chunk.records} records from line ${chunk.firstLine} on, and ${table} accepted ${rows} of them. A trigger or rule of the table may drop rows: disable it for the import.`;
  return importError(ImportErrorCode.CountMismatch, message, { file: path, table, records: chunk.records, rows });
}
