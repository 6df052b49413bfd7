import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import type { IndexRequest } from './index-request.ts';
import { parseIndexStatement } from './parse-statement.ts';
import { requestOfShape } from './request-of-shape.ts';

/**
 * The index that a meta asks for.
 *
 * @throws {TaskTypeError} ADD_INDEX_META_INVALID, ADD_INDEX_STATEMENT_INVALID, ADD_INDEX_STATEMENT_UNSUPPORTED.
 */
export function requestOfMeta({ index, statement }: AddIndexMeta): Promise<IndexRequest> {
  if (index !== undefined && statement === undefined) return requestOfShape(index);
  if (statement !== undefined && index === undefined) return parseIndexStatement(statement);
  const message = 'Give either index or statement, and not both.';
  return Promise.reject(addIndexError(AddIndexErrorCode.MetaInvalid, message));
}
