import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { AddIndexMeta } from './add-index-meta.ts';
import type { PreparedIndex } from './prepared-index.ts';

/** What `prepare` froze: there in every hook after it. */
export function preparedOfMeta(meta: AddIndexMeta): PreparedIndex {
  if (meta.prepared !== undefined) return meta.prepared;
  throw addIndexError(
    AddIndexErrorCode.MetaInvalid,
    'The meta lacks what prepare wrote into it. Submit the task again.',
  );
}
