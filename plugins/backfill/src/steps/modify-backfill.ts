import { changeMeta, type HookContext, type JsonObject, type MetaSchema } from '@longshore/sdk';
import { checkBatchBounds } from '../meta/check-batch-bounds.ts';
import type { BackfillTuning } from '../meta/tuning.ts';

/** What changes how gently it goes, and not what is changed: running ranges take it over with their next batch. */
const TUNING = ['targetBatchMs', 'minBatchRows', 'maxBatchRows', 'lockTimeoutMs'];

/**
 * The meta after a change. Its tuning can be changed at any time, and `rangeRows` until the table is divided. Table, expressions and
 * predicate can't: some rows would be changed by the old ones and some by the new.
 *
 * @throws {TaskTypeError} ARGUMENT_INVALID, META_INVALID or BACKFILL_META_INVALID.
 */
export async function modifyBackfill<Meta extends BackfillTuning, Settings>(
  { task }: Pick<HookContext<Meta, Settings>, 'task'>,
  changes: JsonObject,
  schema: MetaSchema<Meta>,
): Promise<Meta> {
  const changeable = task.step === null ? [...TUNING, 'rangeRows'] : TUNING;
  const meta = await changeMeta({ schema, meta: task.meta, changes, changeable });
  checkBatchBounds(meta);
  return meta;
}
