import type { HookContext, LedgerEntry, SqlClient } from '@longshore/sdk';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import { withTableName } from '../errors/postgres-error.ts';
import type { ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';
import type { TargetTable } from '../meta/prepared-import.ts';
import { findForeignRow } from '../table/foreign-row.ts';
import { lockTable } from '../table/lock-table.ts';
import { findReferringTable, removeRows } from '../table/remove-rows.ts';

/**
 * Takes the loaded rows back: empties the table under an exclusive lock, if every row in it is the import's.
 *
 * Otherwise it deletes nothing and fails for good, so that the task waits with this error for a person. The ledger stays, and a
 * retry finishes the work once the other rows are gone.
 *
 * @throws {TaskTypeError} IMPORT_REVERT_REFUSED with what is in the way; IMPORT_TABLE_BUSY, which is tried again.
 */
export async function revertImport(context: HookContext<ImportMeta, ImportSettings>): Promise<void> {
  const { meta } = context.task;
  // Without it prepare has not come to its end, and nothing was loaded; there may be no such connection or table.
  if (meta.prepared === undefined) return;
  const { table } = meta.prepared;
  try {
    await context.connection(meta.connection).revertEffects(async (client, committed) => {
      if (committed.length === 0) return;
      if (!(await isThere(client, table))) {
        context.logger.warn('the table and its rows do not exist any more', { table: table.name });
        return;
      }
      await lockTable(client, table);
      await emptyTable(client, table, committed);
      context.logger.info('removed the loaded rows', { table: table.name, chunks: committed.length });
    });
  } catch (error) {
    throw withTableName(error, table.name);
  }
}

async function emptyTable(client: SqlClient, table: TargetTable, ledger: readonly LedgerEntry[]): Promise<void> {
  const foreign = await findForeignRow(client, table, ledger);
  if (foreign !== null) throw refused(table, `it is not certain that all rows are the import's: ${foreign}`);
  const referring = await findReferringTable(client, table);
  if (referring !== null) throw refused(table, `rows of ${referring} refer to them`);
  await removeRows(client, table);
}

async function isThere(client: SqlClient, table: TargetTable): Promise<boolean> {
  const found = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [table.name]);
  return found.rows[0]?.found === true;
}

function refused(table: TargetTable, reason: string): Error {
  const message = `Nothing was deleted from ${table.name}: ${reason}. Remove the other rows and retry, or skip the revert and keep all rows.`;
  return importError(ImportErrorCode.RevertRefused, message, { table: table.name });
}
