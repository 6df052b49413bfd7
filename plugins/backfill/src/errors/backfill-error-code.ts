/** Everything that can be wrong with a backfill. */
export const BackfillErrorCode = {
  /** The fields of the meta contradict each other. */
  MetaInvalid: 'BACKFILL_META_INVALID',
  TableMissing: 'BACKFILL_TABLE_MISSING',
  /** A view, a foreign table, or a table with rules or with row-level security in force. */
  TableUnsupported: 'BACKFILL_TABLE_UNSUPPORTED',
  /** No primary key, one of several columns, or of a type that backfills do not know. */
  KeyUnsupported: 'BACKFILL_KEY_UNSUPPORTED',
  /** A backfill would set the primary key, along which it walks. */
  KeyChanged: 'BACKFILL_KEY_CHANGED',
  ColumnMissing: 'BACKFILL_COLUMN_MISSING',
  /** A generated column, which takes no values. */
  ColumnGenerated: 'BACKFILL_COLUMN_GENERATED',
  /** Postgres refuses an expression of `set` or `where`, or it is more than one expression. */
  ExpressionInvalid: 'BACKFILL_EXPRESSION_INVALID',
  /** The connection's role lacks a privilege. */
  NoPrivilege: 'BACKFILL_NO_PRIVILEGE',
  /** A row cannot have its new value: the expression fails on it, or a constraint or trigger refuses it. */
  RowRefused: 'BACKFILL_ROW_REFUSED',
  /** The target's disk is full, or a limit of its. Pauses the task: somebody has to make room. */
  DiskFull: 'BACKFILL_DISK_FULL',
} as const;

export type BackfillErrorCode = (typeof BackfillErrorCode)[keyof typeof BackfillErrorCode];
