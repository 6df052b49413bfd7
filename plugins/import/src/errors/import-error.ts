import { errorMaker, TaskTypeError } from '@longshore/sdk';
import { CsvError } from '../csv/csv-error.ts';
import { ImportErrorCode } from './import-error-code.ts';

/** Makes an error of an import. What passes by itself is tried again. */
export const importError = errorMaker<ImportErrorCode>([ImportErrorCode.DiskFull, ImportErrorCode.TableBusy]);

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
