import type { FileHandle } from 'node:fs/promises';
import { isRowError, type PostgresError } from '@longshore/sdk/postgres';
import { parseCopyContext } from '../csv/copy-context.ts';
import type { CsvDialect } from '../csv/dialect.ts';
import { locateRecord } from '../csv/locate-record.ts';
import type { LocatedRecord } from '../csv/record-locator.ts';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { LoadWork } from './load-work.ts';

/** The chunk in whose COPY the error happened. */
export interface FailedChunk {
  readonly path: string;
  readonly file: FileHandle;
  readonly chunk: NonNullable<LoadWork['chunk']>;
  readonly dialect: CsvDialect;
  readonly table: string;
  readonly signal: AbortSignal;
}

/**
 * Turns the server's error about a row into one that names file, line and column. Postgres counts the lines of the chunk in a
 * way of its own, so the chunk is read again to find the line in the file. Other errors pass through.
 *
 * A constraint that is checked at the end (a foreign key, a deferred one) gives no line; then the chunk's lines are named.
 */
export async function explainRowError(error: unknown, failed: FailedChunk): Promise<unknown> {
  if (!isRowError(error)) return error;
  const { path, chunk, table } = failed;
  const context = parseCopyContext(error.where);
  const record = context === null ? null : await locate(context.copyLine, failed);
  const column = context?.column ?? error.column ?? null;
  const place =
    record === null
      ? `in the ${chunk.records} records from line ${chunk.firstLine} on`
      : record.firstLine === record.lastLine
        ? `line ${record.firstLine}`
        : `lines ${record.firstLine} to ${record.lastLine}`;
  const details = {
    file: path,
    line: record?.firstLine ?? null,
    lastLine: record?.lastLine ?? null,
    column,
    sqlstate: error.code,
    table,
  };
  const where = `${path} ${place}${column === null ? '' : `, column ${column}`}`;
  const message = `${where}: ${reasonOf(error)}. Correct the file or the table, and import again.`;
  return importError(ImportErrorCode.RowInvalid, message, details, error);
}

async function locate(copyLine: number, failed: FailedChunk): Promise<LocatedRecord | null> {
  const { dialect, signal, chunk } = failed;
  try {
    return await locateRecord(failed.file, chunk, copyLine, { dialect, lineEnd: chunk.lineEnd, signal });
  } catch {
    // The row's own error says more than that its line could not be looked up.
    signal.throwIfAborted();
    return null;
  }
}

function reasonOf({ message, detail }: PostgresError): string {
  const reason = detail === undefined ? message : `${message} (${detail})`;
  return reason.replace(/\.\)$/, ')');
}
