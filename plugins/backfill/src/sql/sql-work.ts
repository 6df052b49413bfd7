import type { SqlClient } from '@longshore/sdk';
import { quoteIdentifier } from '@longshore/sdk/postgres';
import type { BackfillWork } from '../backfill-work.ts';
import type { BackfillMeta } from '../meta/backfill-meta.ts';
import { rowsOf, type BackfillTarget } from '../table/backfill-target.ts';
import { matchCondition } from '../table/range-condition.ts';
import type { KeyRange } from '../ranges/key-range.ts';
import { checkSettable } from './check-columns.ts';
import { checkExpression, planned } from './check-expression.ts';

/** The backfill of `set` and `where`: one UPDATE per batch. */
export const sqlWork: BackfillWork<BackfillMeta, undefined> = {
  table: (meta) => meta.table,
  where: (meta) => meta.where ?? null,
  setColumns: (meta) => Object.keys(meta.set),
  check: async (client, target, { task: { meta } }) => {
    await checkSettable(client, target, Object.keys(meta.set));
    for (const [column, expression] of Object.entries(meta.set)) {
      await checkExpression(client, target, expression, `set.${column}`);
    }
    if (meta.where !== undefined) await checkExpression(client, target, meta.where, 'where');
    // What fits as an expression may not fit the column, or have no place in an UPDATE.
    const { text, values } = updateStatement(target, { after: null, upTo: null }, meta);
    await planned(client, text, values, target, 'the update');
  },
  change: async (client: SqlClient, target, range, { task }) => {
    const { text, values } = updateStatement(target, range, task.meta);
    const updated = await client.query(text, values);
    return updated.rowCount ?? 0;
  },
};

/** The UPDATE of a range. The user's expressions were checked to be one each, so they can't reach beyond their parentheses. */
function updateStatement(
  target: BackfillTarget,
  range: KeyRange,
  meta: BackfillMeta,
): { readonly text: string; readonly values: readonly string[] } {
  const sets = Object.entries(meta.set).map(([column, value]) => `${quoteIdentifier(column)} = (\n${value}\n)`);
  const { text, values } = matchCondition(target, range, meta.where ?? null);
  return { text: `UPDATE ${rowsOf(target)} SET ${sets.join(', ')} WHERE ${text}`, values };
}
