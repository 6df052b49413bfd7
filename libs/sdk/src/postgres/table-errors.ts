import type { MakeError } from '../error-maker.ts';
import type { JsonObject } from '../json.ts';
import { isPostgresError, type PostgresError } from './postgres-error.ts';
import { isRowError, SqlState } from './sql-states.ts';

/** What an error of the server says about work on a table. */
export const TableTrouble = {
  /** No room on the disk, or in a quota of the role's. */
  noRoom: 'noRoom',
  /** A lock was not to be had in time. */
  locked: 'locked',
  noPrivilege: 'noPrivilege',
  /** The table or its schema is gone. */
  tableMissing: 'tableMissing',
  columnMissing: 'columnMissing',
  /** Another relation has the name already. */
  nameTaken: 'nameTaken',
  /** Two rows have the same key. Where a type says nothing of it, it is `rowRefused`. */
  duplicateKey: 'duplicateKey',
  /** A row can't be as it is. */
  rowRefused: 'rowRefused',
} as const;
export type TableTrouble = (typeof TableTrouble)[keyof typeof TableTrouble];

const troubles: Readonly<Record<string, TableTrouble>> = {
  [SqlState.diskFull]: TableTrouble.noRoom,
  [SqlState.configurationLimitExceeded]: TableTrouble.noRoom,
  [SqlState.lockNotAvailable]: TableTrouble.locked,
  [SqlState.insufficientPrivilege]: TableTrouble.noPrivilege,
  [SqlState.undefinedTable]: TableTrouble.tableMissing,
  [SqlState.invalidSchemaName]: TableTrouble.tableMissing,
  [SqlState.undefinedColumn]: TableTrouble.columnMissing,
  [SqlState.duplicateTable]: TableTrouble.nameTaken,
  [SqlState.uniqueViolation]: TableTrouble.duplicateKey,
};

/** What an error says about work on a table; null when it says nothing of the kind. */
export function tableTrouble(error: unknown): TableTrouble | null {
  if (!isPostgresError(error)) return null;
  return troubles[error.code] ?? (isRowError(error) ? TableTrouble.rowRefused : null);
}

/** What a task type makes of one kind of trouble. */
export interface TableErrorText<Code extends string> {
  readonly code: Code;
  /**
   * What happened, and what to do.
   *
   * @param table - as the caller names it.
   */
  readonly message: (table: string, error: PostgresError) => string;
  /** Added to `table` and `sqlstate`. Default: nothing. */
  readonly details?: (error: PostgresError) => JsonObject;
}

/**
 * What gives the server's errors about a table the codes of a task type. What may pass by itself and has no text stays as it is.
 *
 * @returns a function of an error and the table's name; it answers the error to throw, whose `cause` is the server's.
 */
export function tableErrors<Code extends string>(
  make: MakeError<Code>,
  texts: Readonly<Partial<Record<TableTrouble, TableErrorText<Code>>>>,
): (error: unknown, table: string) => unknown {
  return (error, table) => {
    const trouble = tableTrouble(error);
    if (trouble === null || !isPostgresError(error)) return error;
    const text = texts[trouble] ?? (trouble === TableTrouble.duplicateKey ? texts.rowRefused : undefined);
    if (text === undefined) return error;
    const details = { table, sqlstate: error.code, ...text.details?.(error) };
    return make(text.code, text.message(table, error), details, error);
  };
}
