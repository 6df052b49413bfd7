import type { JsonValue, StepExecutor, SubtaskContext } from '@longshore/sdk';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import { withTableName } from '../errors/postgres-error.ts';
import type { ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { countRows } from '../table/table-rows.ts';
import { loadTotals } from './load-totals.ts';
import { loadResult } from './load-work.ts';

/** Proves that the table holds the rows that the ledger in the target says, and that those are the load's. */
export const verifyStep: StepExecutor<ImportMeta, ImportSettings> = {
  async runSubtask(context: SubtaskContext<ImportMeta, ImportSettings>): Promise<JsonValue> {
    const { task } = context;
    const { table } = preparedOfMeta(task.meta);
    const connection = context.connection(task.meta.connection);
    try {
      const ledger = await connection.ledger('load');
      const ledgerRows = ledger.reduce((sum, entry) => sum + loadResult.parse(entry.result).rows, 0);
      const loaded = await loadTotals(context);
      const tableRows = await connection.read((client) => countRows(client, table));
      if (ledger.length !== loaded.chunks || ledgerRows !== loaded.rows || tableRows !== ledgerRows) {
        const message = `Table ${table.name} has ${tableRows} rows, the ledger in the target says ${ledgerRows} in ${ledger.length} chunks, and the load reported ${loaded.rows} in ${loaded.chunks}. Somebody else wrote to the table, or its triggers did, while it was loaded; keep them away and import again.`;
        const details = { table: table.name, tableRows, ledgerRows, loadedRows: loaded.rows };
        throw importError(ImportErrorCode.CountMismatch, message, details);
      }
      return { tableRows, ledgerRows, chunks: ledger.length };
    } catch (error) {
      throw withTableName(error, table.name);
    }
  },
};
