import { tableErrors } from '@longshore/sdk/postgres';
import { importError } from './import-error.ts';
import { ImportErrorCode } from './import-error-code.ts';

/** Gives the server's errors about a table codes of ours. */
export const withTableName = tableErrors(importError, {
  noRoom: {
    code: ImportErrorCode.DiskFull,
    message: (table, { message }) =>
      `The target has no room while it loads ${table} (${message}). Make room on its disk or raise the limit, and resume the import; loaded rows stay.`,
  },
  locked: {
    code: ImportErrorCode.TableBusy,
    message: (table, { message }) =>
      `Table ${table} is locked by another session (${message}). End that session; the task tries again.`,
  },
  noPrivilege: {
    code: ImportErrorCode.NoPrivilege,
    message: (table, { message }) =>
      `The connection's role may not do this with ${table}: ${message}. Grant it the privilege.`,
  },
  tableMissing: {
    code: ImportErrorCode.TableMissing,
    message: (table, { message }) => `Table ${table} is gone (${message}). It has to stay while an import runs.`,
  },
  columnMissing: {
    code: ImportErrorCode.ColumnMissing,
    message: (table, { message }) =>
      `A column of ${table} is gone (${message}). The table must not change while an import runs.`,
  },
});
