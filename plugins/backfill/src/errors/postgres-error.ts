import { isPostgresError } from '@longshore/sdk';
import { backfillError } from './backfill-error.ts';
import { BackfillErrorCode } from './backfill-error-code.ts';

/** SQLSTATE classes that speak of a row when they end a change: data, constraint, view check, limits, a trigger's own. */
const rowClasses: ReadonlySet<string> = new Set(['22', '23', '44', '54', 'P0']);

/** What a failed batch says about the next try. */
export const BatchFailure = {
  /** Somebody else's locks, or too little time: fewer rows hold less. */
  contention: 'contention',
  /** One of its rows: fewer rows show which. */
  row: 'row',
  /** Nothing that the number of rows could change. */
  other: 'other',
} as const;
export type BatchFailure = (typeof BatchFailure)[keyof typeof BatchFailure];

/** Deadlock, lock_timeout, statement_timeout, serialization failure (of a trigger that asks for it). */
const contentionCodes: ReadonlySet<string> = new Set(['40P01', '55P03', '57014', '40001']);

/** What ended a batch. */
export function batchFailure(error: unknown): BatchFailure {
  if (!isPostgresError(error)) return BatchFailure.other;
  if (contentionCodes.has(error.code)) return BatchFailure.contention;
  return rowClasses.has(error.code.slice(0, 2)) ? BatchFailure.row : BatchFailure.other;
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
      return backfillError(
        BackfillErrorCode.DiskFull,
        `The target has no room while ${table} is changed (${reason}). Make room on its disk or raise the limit, and resume the backfill; it goes on behind its last batch.`,
        details,
        error,
      );
    case '42501':
      return backfillError(
        BackfillErrorCode.NoPrivilege,
        `The connection's role may not do this with ${table}: ${reason}. Grant it SELECT on the table and UPDATE on the columns.`,
        details,
        error,
      );
    case '42P01':
    case '3F000':
      return backfillError(
        BackfillErrorCode.TableMissing,
        `Table ${table} is gone, or another one that the backfill uses (${reason}). They have to stay while it runs.`,
        details,
        error,
      );
    case '42703':
      return backfillError(
        BackfillErrorCode.ColumnMissing,
        `A column of ${table} is gone (${reason}). The table must keep its columns while a backfill runs.`,
        details,
        error,
      );
    default:
      return error;
  }
}
