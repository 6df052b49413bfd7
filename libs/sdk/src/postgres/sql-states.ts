import { isPostgresError, type PostgresError } from './postgres-error.ts';

/** SQLSTATEs that task types tell apart, by their names in Postgres' errcodes.txt. */
export const SqlState = {
  featureNotSupported: '0A000',
  uniqueViolation: '23505',
  invalidSchemaName: '3F000',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  syntaxError: '42601',
  invalidName: '42602',
  undefinedColumn: '42703',
  undefinedTable: '42P01',
  duplicateTable: '42P07',
  diskFull: '53100',
  /** A quota of the role's, such as `temp_file_limit`. */
  configurationLimitExceeded: '53400',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
} as const;

/** Classes that speak of a row: data, constraint, view check, limits, and what a function or trigger raises. */
const rowClasses: ReadonlySet<string> = new Set(['22', '23', '44', '54', 'P0']);

const contentionStates: ReadonlySet<string> = new Set([
  SqlState.deadlockDetected,
  SqlState.lockNotAvailable,
  SqlState.queryCanceled,
  SqlState.serializationFailure,
]);

/** Whether a row can't be as it is: its data, a constraint, a limit, or what a trigger or an expression raises. */
export function isRowError(error: unknown): error is PostgresError {
  return isPostgresError(error) && rowClasses.has(error.code.slice(0, 2));
}

/** Whether others were in the way, or the time was too short: a deadlock, `lock_timeout`, `statement_timeout`, a serialization failure. */
export function isContention(error: unknown): error is PostgresError {
  return isPostgresError(error) && contentionStates.has(error.code);
}

/** Whether a lock was not to be had in time. */
export function isLockTimeout(error: unknown): error is PostgresError {
  return hasState(error, SqlState.lockNotAvailable);
}

/** Whether there is no room: on the disk, or in a quota of the role's. */
export function isNoRoom(error: unknown): error is PostgresError {
  return hasState(error, SqlState.diskFull) || hasState(error, SqlState.configurationLimitExceeded);
}

/** Whether two rows have the same key. */
export function isDuplicateKey(error: unknown): error is PostgresError {
  return hasState(error, SqlState.uniqueViolation);
}

/** Whether the role lacks a privilege. */
export function isNoPrivilege(error: unknown): error is PostgresError {
  return hasState(error, SqlState.insufficientPrivilege);
}

function hasState(error: unknown, state: string): error is PostgresError {
  return isPostgresError(error) && error.code === state;
}
