import { isContention, isRowError, tableErrors } from '@longshore/sdk/postgres';
import { backfillError } from './backfill-error.ts';
import { BackfillErrorCode } from './backfill-error-code.ts';

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

/** What ended a batch. */
export function batchFailure(error: unknown): BatchFailure {
  if (isContention(error)) return BatchFailure.contention;
  return isRowError(error) ? BatchFailure.row : BatchFailure.other;
}

/** Gives the server's errors about a table codes of ours. */
export const withTableName = tableErrors(backfillError, {
  noRoom: {
    code: BackfillErrorCode.DiskFull,
    message: (table, { message }) =>
      `The target has no room while ${table} is changed (${message}). Make room on its disk or raise the limit, and resume the backfill; it continues after its last batch.`,
  },
  noPrivilege: {
    code: BackfillErrorCode.NoPrivilege,
    message: (table, { message }) =>
      `The connection's role may not do this with ${table}: ${message}. Grant it SELECT on the table and UPDATE on the columns.`,
  },
  tableMissing: {
    code: BackfillErrorCode.TableMissing,
    message: (table, { message }) =>
      `Table ${table}, or another one that the backfill uses, does not exist any more (${message}). Keep the tables while it runs.`,
  },
  columnMissing: {
    code: BackfillErrorCode.ColumnMissing,
    message: (table, { message }) =>
      `A column of ${table} does not exist any more (${message}). Keep the columns while a backfill runs.`,
  },
});
