import { tableErrors } from '@longshore/sdk/postgres';
import { addIndexError } from './add-index-error.ts';
import { AddIndexErrorCode } from './add-index-error-code.ts';

/** Gives the server's errors about a table codes of ours. */
export const withTableName = tableErrors(addIndexError, {
  duplicateKey: {
    code: AddIndexErrorCode.DuplicateKey,
    message: (table, { detail, message }) =>
      `Rows of ${table} have the same key: ${detail ?? message} Remove or change the duplicates and submit again.`,
    details: ({ detail }) => ({ key: detail ?? null }),
  },
  // Also for a quota of the role's, temp_file_limit, which a large sort may exceed.
  noRoom: {
    code: AddIndexErrorCode.DiskFull,
    message: (table, { message }) =>
      `The target has no room while ${table} is indexed (${message}). Make room on its disk or raise the limit, and resume the task; finished indexes stay.`,
  },
  locked: {
    code: AddIndexErrorCode.LockTimeout,
    message: (table, { message }) =>
      `Others held a lock on ${table} for too long (${message}). End that session; the task tries again.`,
  },
  noPrivilege: {
    code: AddIndexErrorCode.NoPrivilege,
    message: (table, { message }) =>
      `The connection's role may not do this with ${table}: ${message}. It has to be a member of the table's owner and needs CREATE on the schema.`,
  },
  tableMissing: {
    code: AddIndexErrorCode.TableMissing,
    message: (table, { message }) =>
      `Table ${table} does not exist any more (${message}). Keep it while an index is added.`,
  },
  nameTaken: {
    code: AddIndexErrorCode.NameTaken,
    message: (table, { message }) =>
      `${message}, and it isn't the requested index on ${table}. Rename or drop it, or choose another name.`,
  },
  rowRefused: {
    code: AddIndexErrorCode.RowRefused,
    message: (table, { message, hint }) =>
      `A row of ${table} can't be indexed: ${message}. ${hint ?? 'Change the row or the index.'}`,
  },
});
