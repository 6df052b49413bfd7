import type { HookContext, SqlClient } from '@longshore/sdk';
import type { BackfillWork } from '../backfill-work.ts';
import { withTableName } from '../errors/postgres-error.ts';
import { checkBatchBounds } from '../meta/check-batch-bounds.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import type { BackfillTarget } from '../table/backfill-target.ts';
import { findTarget } from '../table/find-target.ts';

/**
 * Looks at the table and lets Postgres plan what is to be done, in a read-only transaction.
 *
 * @throws {TaskTypeError} BACKFILL_… for what can't work.
 */
export async function prepareBackfill<Meta extends BackfillTuning, Settings>(
  context: HookContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): Promise<void> {
  const { meta } = context.task;
  checkBatchBounds(meta);
  const table = work.table(meta);
  try {
    await context.connection(meta.connection).read(async (client) => {
      await client.query('BEGIN READ ONLY');
      const target = await findTarget(client, table);
      await work.check(client, target, context);
      const triggers = await updateTriggers(client, target);
      if (triggers.length > 0) {
        context.logger.warn(`${target.table} has triggers that run for each batch or row: ${triggers.join(', ')}`);
      }
      await client.query('ROLLBACK');
    });
  } catch (error) {
    throw withTableName(error, table);
  }
}

/** Names of the triggers that an UPDATE fires, without those of foreign keys. */
async function updateTriggers(client: SqlClient, target: BackfillTarget): Promise<readonly string[]> {
  // Bit 4 of tgtype is UPDATE.
  const found = await client.query<{ name: string }>(
    `SELECT tgname AS name FROM pg_trigger
      WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled <> 'D' AND (tgtype & 16) <> 0 ORDER BY 1`,
    [target.table],
  );
  return found.rows.map(({ name }) => name);
}
