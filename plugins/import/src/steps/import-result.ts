import type { HookContext } from '@longshore/sdk';
import type { ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { findSequencesBehind } from '../table/sequences-behind.ts';
import { loadTotals } from './load-totals.ts';

/** What an import returns. A type and no interface: it is JSON. */
export type ImportResult = {
  /** Rows that were loaded. */
  readonly rows: number;
  /** Bytes that were sent to the target. */
  readonly bytes: number;
  readonly files: number;
  /** Parts of the files: one COPY and one transaction each. */
  readonly chunks: number;
  /** Identity and serial columns whose sequences don't know the loaded values, with the statement that tells them. */
  readonly sequencesBehind?: readonly { readonly column: string; readonly setval: string }[];
};

/** The result of an import, with what its user has to do yet. */
export async function importResult(context: HookContext<ImportMeta, ImportSettings>): Promise<ImportResult> {
  const { meta } = context.task;
  const { files, table, columns } = preparedOfMeta(meta);
  const totals = { ...(await loadTotals(context)), files: files.length };
  const behind = await context
    .connection(meta.connection)
    .read((client) => findSequencesBehind(client, table, columns));
  if (behind.length === 0) return totals;
  const statements = behind.map(({ setval }) => setval).join('; ');
  context.logger.warn(
    `sequences of ${table.name} don't know the loaded values, so the next INSERT would get one of them again: ${statements}`,
  );
  return { ...totals, sequencesBehind: behind.map(({ column, setval }) => ({ column, setval })) };
}
