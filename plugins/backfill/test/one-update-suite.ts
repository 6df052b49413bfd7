import { randomTable, type RandomTable } from '@longshore/testing-plugins/random-tables';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { openBackfillTarget, type BackfillTarget } from './backfill-target.ts';

/** A table and a change of its rows. */
export interface RandomChange {
  readonly table: RandomTable;
  /** New values by column, and a condition, as a submit says them. */
  readonly set: Readonly<Record<string, string>>;
  readonly where: string | null;
  readonly maxBatchRows: number;
  readonly rangeRows: number;
}

const randomChange: fc.Arbitrary<RandomChange> = randomTable({ maxRows: 40 }).chain((table) => {
  const settable = table.columns.filter(({ kind }) => kind === 'plain');
  const conditions = [
    `${table.key.sql}::text LIKE '%1%'`,
    ...table.columns.flatMap(({ sql, type }) => type.conditions.map((condition) => condition(sql))),
  ];
  const change = fc
    .subarray(settable, { minLength: 1 })
    .chain((columns) =>
      fc
        .tuple(...columns.map(({ type }) => fc.constantFrom(...type.changes)))
        .map((changes) => Object.fromEntries(columns.map(({ name, sql }, i) => [name, changes[i]?.(sql) ?? 'NULL']))),
    );
  return fc.record({
    table: fc.constant(table),
    set: change,
    where: fc.option(
      fc.oneof(
        fc.constantFrom(...conditions),
        fc.tuple(fc.constantFrom(...conditions), fc.constantFrom(...conditions)).map(([a, b]) => `${a} OR (${b})`),
      ),
    ),
    maxBatchRows: fc.integer({ min: 4, max: 40 }),
    rangeRows: fc.integer({ min: 5, max: 40 }),
  });
});

/** How the rows look, and where they lie; or that Postgres refuses the change. */
type Outcome = { readonly rows: readonly unknown[]; readonly changed: number } | 'refused';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** @returns a check that draws changes, and compares each with one plain UPDATE. */
export function useOneUpdate(): (options: { readonly numRuns: number; readonly seed: number }) => Promise<void> {
  let target: BackfillTarget;
  beforeAll(async () => {
    target = await openBackfillTarget();
  });
  afterAll(() => target.stop());

  const readRows = async ({ sql, key }: RandomTable): Promise<readonly unknown[]> => {
    const { rows } = await target.client.query<{ row: unknown }>(
      `SELECT to_jsonb(one) || jsonb_build_object('lies in', one.tableoid::regclass) AS row FROM ${sql} AS one ORDER BY one.${key.sql}`,
    );
    return rows.map(({ row }) => row);
  };

  const byUpdate = async ({ table, set, where }: RandomChange): Promise<Outcome> => {
    const values = Object.entries(set).map(([name, value]) => `${quoted(name)} = (${value})`);
    const condition = where === null ? '' : `WHERE (${where})`;
    await target.client.query('BEGIN');
    try {
      const updated = await target.client.query(`UPDATE ${table.sql} SET ${values.join(', ')} ${condition}`);
      return { rows: await readRows(table), changed: updated.rowCount ?? 0 };
    } catch {
      return 'refused';
    } finally {
      await target.client.query('ROLLBACK');
    }
  };

  const byBackfill = async ({ table, set, where, ...sizes }: RandomChange): Promise<Outcome> => {
    const run = target.start({ table: table.sql, set, ...(where !== null && { where }), minBatchRows: 1, ...sizes });
    const result = await run.run().catch((error: unknown) => error);
    if (result instanceof Error) {
      // A refusal is one of ours, never an error that nobody thought of.
      expect(result).toMatchObject({ code: expect.stringMatching(/^BACKFILL_(ROW_REFUSED|EXPRESSION_INVALID)$/) });
      return 'refused';
    }
    return { rows: await readRows(table), changed: (result as { readonly rows: number }).rows };
  };

  return async ({ numRuns, seed }) => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(randomChange, async (change) => {
        await target.reset();
        await target.client.query(change.table.setup);
        const wanted = await byUpdate(change);
        expect(await byBackfill(change)).toEqual(wanted);
        if (wanted !== 'refused' && wanted.changed > 0) changed += 1;
      }),
      { numRuns, seed },
    );
    // Otherwise the generator draws hardly anything but refusals and empty tables, and the property says little.
    expect(changed).toBeGreaterThan(numRuns / 4);
  };
}
