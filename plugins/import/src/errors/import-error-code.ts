/** Everything that can be wrong with an import, beside what {@link CsvErrorCode} says of a file's content (as `IMPORT_…`). */
export const ImportErrorCode = {
  /** The fields of the meta contradict each other. */
  MetaInvalid: 'IMPORT_META_INVALID',
  /** A path is not absolute, or not below the folders that the executor may read. */
  FileForbidden: 'IMPORT_FILE_FORBIDDEN',
  /** A path or pattern names no file on this executor. */
  FileMissing: 'IMPORT_FILE_MISSING',
  /** The executor's account may not read it. */
  FileUnreadable: 'IMPORT_FILE_UNREADABLE',
  /** It is a folder, a device or a pipe. */
  FileUnsupported: 'IMPORT_FILE_UNSUPPORTED',
  /** It is compressed, a workbook or in another encoding: no text in UTF-8. */
  FileNotText: 'IMPORT_FILE_NOT_TEXT',
  /** Its size or time of change is another than when the import began. */
  FileChanged: 'IMPORT_FILE_CHANGED',
  /** A pattern matches no file. */
  NoFiles: 'IMPORT_NO_FILES',
  /** Their list does not fit into a task's meta. */
  TooManyFiles: 'IMPORT_TOO_MANY_FILES',
  /** A name in a header is empty or occurs twice. */
  HeaderInvalid: 'IMPORT_HEADER_INVALID',
  /** Two files have different headers. */
  HeaderDiffers: 'IMPORT_HEADER_DIFFERS',
  TableMissing: 'IMPORT_TABLE_MISSING',
  /** A view, a foreign table, or a table with row-level security in force or a foreign key to itself. */
  TableUnsupported: 'IMPORT_TABLE_UNSUPPORTED',
  TableNotEmpty: 'IMPORT_TABLE_NOT_EMPTY',
  ColumnMissing: 'IMPORT_COLUMN_MISSING',
  /** A generated column, which takes no values. */
  ColumnGenerated: 'IMPORT_COLUMN_GENERATED',
  /** The connection's role lacks a privilege. */
  NoPrivilege: 'IMPORT_NO_PRIVILEGE',
  /** Postgres refused a row: its data or a constraint. */
  RowInvalid: 'IMPORT_ROW_INVALID',
  /** The table, the ledger and the files disagree about the number of rows. */
  CountMismatch: 'IMPORT_COUNT_MISMATCH',
  /** The target's disk is full, or a limit of its. Pauses the task: somebody has to make room. */
  DiskFull: 'IMPORT_DISK_FULL',
  /** Somebody held a lock on the table for too long. Tried again. */
  TableBusy: 'IMPORT_TABLE_BUSY',
  /** The table holds rows that are not this import's, so nothing was deleted. */
  RevertRefused: 'IMPORT_REVERT_REFUSED',
} as const;

export type ImportErrorCode = (typeof ImportErrorCode)[keyof typeof ImportErrorCode];
