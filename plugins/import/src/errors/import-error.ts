import { TaskTypeError, type JsonObject } from '@longshore/sdk';
import { CsvError } from '../csv/csv-error.ts';
import { ImportErrorCode } from './import-error-code.ts';

/** The codes that pass by themselves; all others need somebody to change something. */
const transient: ReadonlySet<ImportErrorCode> = new Set([ImportErrorCode.DiskFull, ImportErrorCode.TableBusy]);

/**
 * An error of an import.
 *
 * @param message - what happened, to which file, table or column, and what to do.
 */
export function importError(
  code: ImportErrorCode,
  message: string,
  details?: JsonObject,
  cause?: unknown,
): TaskTypeError {
  return new TaskTypeError(code, message, {
    permanent: !transient.has(code),
    ...(details !== undefined && { details }),
    ...(cause !== undefined && { cause }),
  });
}

/** Names the file in what the CSV core found wrong with it: `CSV_NUL_BYTE` becomes `IMPORT_NUL_BYTE`. Others pass through. */
export function withFileName(error: unknown, path: string): unknown {
  if (!CsvError.is(error)) return error;
  const details = { file: path, line: error.position?.line, offset: error.position?.offset };
  return new TaskTypeError(error.code.replace(/^CSV_/, 'IMPORT_'), `${path}: ${error.message}`, {
    permanent: true,
    details,
    cause: error,
  });
}
