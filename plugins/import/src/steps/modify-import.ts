import { changeMeta, type HookContext, type JsonObject } from '@longshore/sdk';
import { importMetaSchema, type ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';

/** While it is there the chunks are still to be made. */
const BEFORE_LOAD: ReadonlySet<string | null> = new Set([null, 'scan']);

/**
 * The meta after a change. What has been read, scanned or loaded by then was so by the old one, and all of the rows must be read alike: so
 * nothing can be changed but the size of chunks, and that until they are made, with the plan of `load`.
 *
 * @throws {TaskTypeError} ARGUMENT_INVALID or META_INVALID.
 */
export function modifyImport(
  { task }: Pick<HookContext<ImportMeta, ImportSettings>, 'task'>,
  changes: JsonObject,
): Promise<ImportMeta> {
  const changeable = BEFORE_LOAD.has(task.step) ? ['chunkBytes'] : [];
  return changeMeta({ schema: importMetaSchema, meta: task.meta, changes, changeable });
}
