import { isPostgresError, type PostgresError } from '@longshore/sdk';
import { addIndexError } from './add-index-error.ts';
import { AddIndexErrorCode } from './add-index-error-code.ts';

/** Whether a lock was not to be had in time. */
export function isLockTimeout(error: unknown): boolean {
  return isPostgresError(error) && error.code === '55P03';
}

/** Whether there is no room: on the disk, or in a quota of the role's. */
export function isDiskFull(error: unknown): boolean {
  return isPostgresError(error) && (error.code === '53100' || error.code === '53400');
}

/** Whether two rows have the same key. */
export function isDuplicateKey(error: unknown): error is PostgresError {
  return isPostgresError(error) && error.code === '23505';
}

/** Classes that speak of a row when they end a build: its data, a limit, or what its expression raises. */
const rowClasses: ReadonlySet<string> = new Set(['22', '54', 'P0']);

/** Gives the server's errors about a table codes of ours; what may pass by itself and has none stays as it is. */
export function withTableName(error: unknown, table: string): unknown {
  if (!isPostgresError(error)) return error;
  const details = { table, sqlstate: error.code };
  const reason = error.message;
  const raise = (code: AddIndexErrorCode, message: string): Error => addIndexError(code, message, details, error);
  switch (error.code) {
    case '23505':
      return addIndexError(
        AddIndexErrorCode.DuplicateKey,
        `Rows of ${table} have the same key: ${error.detail ?? reason} Remove or change all but one of them and submit again.`,
        { ...details, key: error.detail ?? null },
        error,
      );
    // 53400 is a quota of the role's, temp_file_limit, which a large sort may exceed.
    case '53100':
    case '53400':
      return raise(
        AddIndexErrorCode.DiskFull,
        `The target has no room while ${table} is indexed (${reason}). Make room on its disk or raise the limit, and resume the task; indexes that are built stay.`,
      );
    case '55P03':
      return raise(
        AddIndexErrorCode.LockTimeout,
        `A lock on ${table} was held by others for too long (${reason}). End that session; this is tried again.`,
      );
    case '42501':
      return raise(
        AddIndexErrorCode.NoPrivilege,
        `The connection's role may not do this with ${table}: ${reason}. It has to be a member of the table's owner and needs CREATE on the schema.`,
      );
    case '42P01':
    case '3F000':
      return raise(
        AddIndexErrorCode.TableMissing,
        `Table ${table} is gone (${reason}). It has to stay while an index is added.`,
      );
    case '42P07':
      return raise(
        AddIndexErrorCode.NameTaken,
        `${reason}, and it isn't the index that was asked for on ${table}. Rename or drop it, or choose another name.`,
      );
    default:
      return rowClasses.has(error.code.slice(0, 2))
        ? raise(
            AddIndexErrorCode.RowRefused,
            `A row of ${table} can't be indexed: ${reason}. ${error.hint ?? 'Change the row or the index.'}`,
          )
        : error;
  }
}
