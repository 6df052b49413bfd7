/** Everything that can be wrong with an `add-index`. */
export const AddIndexErrorCode = {
  /** The fields of the meta contradict each other, or one is not what it should be. */
  MetaInvalid: 'ADD_INDEX_META_INVALID',
  /** The statement cannot be parsed, or is no CREATE INDEX. */
  StatementInvalid: 'ADD_INDEX_STATEMENT_INVALID',
  /** A CREATE INDEX that is not for us: ON ONLY, or of another database. */
  StatementUnsupported: 'ADD_INDEX_STATEMENT_UNSUPPORTED',
  TableMissing: 'ADD_INDEX_TABLE_MISSING',
  /** A view, a foreign or temporary table, a table of the system, or one with foreign partitions. */
  TableUnsupported: 'ADD_INDEX_TABLE_UNSUPPORTED',
  ColumnMissing: 'ADD_INDEX_COLUMN_MISSING',
  /** Postgres would not make such an index. */
  DefinitionRefused: 'ADD_INDEX_DEFINITION_REFUSED',
  /** The connection's role lacks a privilege. */
  NoPrivilege: 'ADD_INDEX_NO_PRIVILEGE',
  /** The name belongs to something else. */
  NameTaken: 'ADD_INDEX_NAME_TAKEN',
  /** An equal index has another name than the one that was asked for. */
  EqualExists: 'ADD_INDEX_EQUAL_EXISTS',
  /** An equal index is there and invalid, and it is not ours. */
  InvalidExists: 'ADD_INDEX_INVALID_EXISTS',
  /** Two rows have the same key. */
  DuplicateKey: 'ADD_INDEX_DUPLICATE_KEY',
  /** A row cannot be indexed: too long, or its expression fails. */
  RowRefused: 'ADD_INDEX_ROW_REFUSED',
  /** Somebody held a lock for too long. Tried again. */
  LockTimeout: 'ADD_INDEX_LOCK_TIMEOUT',
  /** The target's disk is full, or a limit of its. Pauses the task: somebody has to make room. */
  DiskFull: 'ADD_INDEX_DISK_FULL',
  /** A newer attempt of this subtask builds already. Tried again. */
  Superseded: 'ADD_INDEX_SUPERSEDED',
  /** The role may not end the session of an older attempt. Tried again. */
  NoTerminate: 'ADD_INDEX_NO_TERMINATE',
  /** What was built was dropped by somebody before it had its name. Tried again. */
  Vanished: 'ADD_INDEX_VANISHED',
  /** A part of the index is missing or invalid at the end. */
  Incomplete: 'ADD_INDEX_INCOMPLETE',
  /** Dropping the index would drop one that was there before. */
  RevertRefused: 'ADD_INDEX_REVERT_REFUSED',
} as const;

export type AddIndexErrorCode = (typeof AddIndexErrorCode)[keyof typeof AddIndexErrorCode];
