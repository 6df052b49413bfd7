import { isPostgresError, type PostgresError } from '@longshore/sdk';
import { importError } from './import-error.ts';
import { ImportErrorCode } from './import-error-code.ts';

/** Classes that speak of a row when they end a COPY. */
const rowClasses: ReadonlySet<string> = new Set(['22', '23', '44', '54', 'P0']);

/** Whether the error says that a row cannot be loaded. */
export function isRowError(error: PostgresError): boolean {
  return rowClasses.has(error.code.slice(0, 2));
}

/** Gives the server's errors about a table codes of ours; what may pass by itself and has none stays as it is. */
export function withTableName(error: unknown, table: string): unknown {
  if (!isPostgresError(error)) return error;
  const details = { table, sqlstate: error.code };
  const reason = error.message;
  switch (error.code) {
    // 53400 is a quota of the role's, temp_file_limit.
    case '53100':
    case '53400':
      return importError(
        ImportErrorCode.DiskFull,
        `The target has no room while it loads ${table} (${reason}). Make room on its disk or raise the limit, and resume the import; what is loaded stays.`,
        details,
        error,
      );
    case '55P03':
      return importError(
        ImportErrorCode.TableBusy,
        `Table ${table} is locked by another session (${reason}). End that session; this is tried again.`,
        details,
        error,
      );
    case '42501':
      return importError(
        ImportErrorCode.NoPrivilege,
        `The connection's role may not do this with ${table}: ${reason}. Grant it the privilege.`,
        details,
        error,
      );
    case '42P01':
    case '3F000':
      return importError(
        ImportErrorCode.TableMissing,
        `Table ${table} is gone (${reason}). It has to stay while an import runs.`,
        details,
        error,
      );
    case '42703':
      return importError(
        ImportErrorCode.ColumnMissing,
        `A column of ${table} is gone (${reason}). The table must not change while an import runs.`,
        details,
        error,
      );
    default:
      return error;
  }
}
