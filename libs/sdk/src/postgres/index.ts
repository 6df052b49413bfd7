export { findRelation, type FoundRelation, type RelationErrors } from './find-relation.ts';
export { pause } from './pause.ts';
export { isPostgresError, isRetryablePostgresError, type PostgresError } from './postgres-error.ts';
export { qualifiedName, quoteIdentifier, quoteLiteral } from './quote.ts';
export {
  isContention,
  isDuplicateKey,
  isLockTimeout,
  isNoPrivilege,
  isNoRoom,
  isRowError,
  SqlState,
} from './sql-states.ts';
export { awayErrorIn, isAway, mayBeAway } from './target-away.ts';
export { tableErrors, TableTrouble, tableTrouble, type TableErrorText } from './table-errors.ts';
