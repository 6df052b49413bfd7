import type { SqlClient, SqlRow } from '@longshore/sdk';
import { quoteIdentifier } from '@longshore/sdk/postgres';
import type { BackfillWork, BatchContext, BatchRange } from '../backfill-work.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { checkColumnNames } from '../sql/check-columns.ts';
import { checkExpression } from '../sql/check-expression.ts';
import { rowsOf, type BackfillTarget } from '../table/backfill-target.ts';
import { matchCondition } from '../table/range-condition.ts';

/** What the code of a batch gets beside its rows. */
export interface BackfillBatch<Meta, Settings> extends BatchContext<Meta, Settings> {
  /**
   * The session of the batch's transaction. All that is written through it commits together with how far the backfill is, or not
   * at all. Don't end the transaction.
   */
  readonly client: SqlClient;
}

/** What a backfill in TypeScript does with rows. */
export interface CodeWork<Meta extends BackfillTuning, Settings, Row extends SqlRow> {
  readonly table: string | ((meta: Meta) => string);
  readonly columns: readonly string[] | ((meta: Meta) => readonly string[]);
  readonly where?: string | ((meta: Meta) => string | undefined) | undefined;
  batch(rows: readonly Row[], context: BackfillBatch<Meta, Settings>): Promise<void>;
}

/** Reads and locks the rows of a range, and lets the code change them. */
export function codeWork<Meta extends BackfillTuning, Settings, Row extends SqlRow>(
  code: CodeWork<Meta, Settings, Row>,
): BackfillWork<Meta, Settings> {
  const columnsOf = (meta: Meta): readonly string[] =>
    typeof code.columns === 'function' ? code.columns(meta) : code.columns;
  const whereOf = (meta: Meta): string | null =>
    (typeof code.where === 'function' ? code.where(meta) : code.where) ?? null;
  return {
    table: (meta) => (typeof code.table === 'function' ? code.table(meta) : code.table),
    where: whereOf,
    setColumns: () => [],
    check: async (client, target, { task: { meta } }) => {
      await checkColumnNames(client, target, columnsOf(meta));
      const where = whereOf(meta);
      if (where !== null) await checkExpression(client, target, where, 'where');
    },
    change: async (client, target, range, context) => {
      const { meta } = context.task;
      const rows = await lockRows<Row>(client, target, range, columnsOf(meta), whereOf(meta));
      if (rows.length > 0) await code.batch(rows, { ...pick(context), client });
      return rows.length;
    },
  };
}

/**
 * Locked, as what the code computes from them must still be true when it is written. In the order of their keys, so that two such
 * batches of different tasks can't deadlock.
 */
async function lockRows<Row extends SqlRow>(
  client: SqlClient,
  target: BackfillTarget,
  range: BatchRange,
  columns: readonly string[],
  where: string | null,
): Promise<readonly Row[]> {
  const { text, values } = matchCondition(target, range, where);
  const found = await client.query<Row>(
    `SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ${rowsOf(target)} WHERE ${text} ORDER BY ${target.key} FOR UPDATE`,
    values,
  );
  return found.rows;
}

/** A batch gets nothing that would let it write beside its transaction. */
function pick<Meta, Settings>(context: BatchContext<Meta, Settings>): BatchContext<Meta, Settings> {
  const { task, settings, signal, logger, tracer, meter, attempt, nodeId } = context;
  return { task, settings, signal, logger, tracer, meter, attempt, nodeId };
}
