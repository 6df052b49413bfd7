import { changeMeta, type HookContext, type JsonObject } from '@longshore/sdk';
import { addIndexMetaSchema, type AddIndexMeta } from '../meta/add-index-meta.ts';

/** What the next try of a lock, or of a place to build, takes over. */
const TUNING = ['lockTimeoutMs', 'maxConcurrentBuilds'];

/**
 * The meta after a change. The index itself can't be changed: what is built of it by then would be another one.
 *
 * @throws {TaskTypeError} ARGUMENT_INVALID or META_INVALID.
 */
export function modifyAddIndex(
  { task }: Pick<HookContext<AddIndexMeta>, 'task'>,
  changes: JsonObject,
): Promise<AddIndexMeta> {
  return changeMeta({ schema: addIndexMetaSchema, meta: task.meta, changes, changeable: TUNING });
}
