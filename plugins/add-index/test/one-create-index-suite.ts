import {
  quoted,
  type RandomColumn,
  randomTable,
  type RandomTable,
  sqlName,
} from '@longshore/testing-plugins/random-tables';
import fc from 'fast-check';
import { expect } from 'vitest';
import { useIndexTarget } from './index-target.ts';

/** A table and an index on it, as a statement. */
export interface RandomIndex {
  readonly table: RandomTable;
  readonly statement: string;
}

interface Key {
  readonly column: RandomColumn;
  readonly method: string;
  readonly text: string;
}

/** Methods that take several keys. */
const MULTICOLUMN = ['btree', 'brin', 'gin', 'gist'];

/** Longer than a name may be: Postgres cuts it. */
const indexName = fc.option(fc.oneof(sqlName, fc.constant('n'.repeat(70))));

const randomIndex: fc.Arbitrary<RandomIndex> = randomTable({ maxRows: 30 }).chain((table) => {
  const keys: readonly Key[] = table.columns.flatMap((column) =>
    column.type.keys.map(({ method, key }) => ({ column, method, text: key(column.sql) })),
  );
  const conditions = table.columns.flatMap(({ sql, type }) => type.conditions.map((condition) => condition(sql)));
  return fc
    .record({
      first: fc.constantFrom(...keys),
      others: fc.array(fc.constantFrom(...keys), { maxLength: 2 }),
      isUnique: fc.integer({ max: 3 }).map((drawn) => drawn === 0),
      withKey: fc.boolean(),
      name: indexName,
      include: fc.option(fc.constantFrom(...table.columns)),
      nullsNotDistinct: fc.boolean(),
      fillfactor: fc.option(fc.integer({ min: 50, max: 100 })),
      where: fc.option(fc.constantFrom(...conditions)),
      isConcurrent: fc.boolean(),
    })
    .map((drawn) => ({ table, statement: statementOf(table, drawn) }));
});

interface Drawn {
  readonly first: Key;
  readonly others: readonly Key[];
  readonly isUnique: boolean;
  readonly withKey: boolean;
  readonly name: string | null;
  readonly include: RandomColumn | null;
  readonly nullsNotDistinct: boolean;
  readonly fillfactor: number | null;
  readonly where: string | null;
  readonly isConcurrent: boolean;
}

function statementOf({ sql, key }: RandomTable, drawn: Drawn): string {
  const { first, others, isUnique, withKey, name, include, nullsNotDistinct, fillfactor, where, isConcurrent } = drawn;
  const { method } = first;
  const more = MULTICOLUMN.includes(method) ? others.filter((other) => other.method === method) : [];
  const texts = [first, ...more].map(({ text }) => text);
  // A unique index of a partitioned table has its key; without it Postgres refuses, which is a case too.
  if (isUnique && withKey) texts.push(key.sql);
  return [
    `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${isConcurrent ? 'CONCURRENTLY ' : ''}${name === null ? '' : quoted(name)}`,
    `ON ${sql} USING ${method} (${texts.join(', ')})`,
    ...(include !== null && method === 'btree' ? [`INCLUDE (${include.sql})`] : []),
    ...(isUnique && nullsNotDistinct ? ['NULLS NOT DISTINCT'] : []),
    ...(fillfactor !== null && ['btree', 'hash', 'gist', 'spgist'].includes(method)
      ? [`WITH (fillfactor = ${fillfactor})`]
      : []),
    ...(where === null ? [] : [`WHERE ${where}`]),
  ].join(' ');
}

/** All indexes, as the catalog tells them; or that Postgres refuses the index. */
type Outcome = readonly unknown[] | 'refused';

/** @returns a check that draws indexes, and compares each with one plain CREATE INDEX. */
export function useOneCreateIndex(): (options: { readonly numRuns: number; readonly seed: number }) => Promise<void> {
  const target = useIndexTarget();

  /** Indexes of partitions have names of our own choice, which is Postgres' for most tables: theirs are left out. */
  const readIndexes = async (): Promise<readonly unknown[]> => {
    const { rows } = await target.client.query<{ index: unknown }>(
      `SELECT jsonb_build_object('table', x.indrelid::regclass, 'name', shown.name, 'options', c.reloptions, 'valid', x.indisvalid,
         'definition', replace(pg_get_indexdef(c.oid), quote_ident(c.relname), coalesce(quote_ident(shown.name), '…')),
         'whole', (SELECT indrelid::regclass FROM pg_index WHERE indexrelid = shown.parent)) AS index
       FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid LEFT JOIN pg_inherits h ON h.inhrelid = c.oid, LATERAL (
         SELECT h.inhparent AS parent, CASE WHEN h.inhparent IS NULL THEN c.relname END AS name) AS shown
       WHERE c.relnamespace = 'public'::regnamespace`,
    );
    return rows.map(({ index }) => index).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  };

  const byCreateIndex = async ({ statement }: RandomIndex): Promise<Outcome> => {
    await target.client.query('BEGIN');
    try {
      await target.client.query(statement.replace(' CONCURRENTLY', ''));
      return await readIndexes();
    } catch {
      return 'refused';
    } finally {
      await target.client.query('ROLLBACK');
    }
  };

  const byTask = async ({ statement }: RandomIndex): Promise<Outcome> => {
    const before = await readIndexes();
    const run = target.start({ statement });
    const result = await run.run().catch((error: unknown) => error);
    if (!(result instanceof Error)) return readIndexes();
    // A refusal is one of ours, never an error that nobody thought of, and leaves nothing behind.
    expect(result).toMatchObject({ code: expect.stringMatching(/^ADD_INDEX_/), permanent: true });
    if (run.meta.prepared !== undefined) await run.revert();
    expect(await readIndexes()).toEqual(before);
    return 'refused';
  };

  return async ({ numRuns, seed }) => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(randomIndex, async (index) => {
        await target.client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
        await target.client.query(index.table.setup);
        const wanted = await byCreateIndex(index);
        expect(await byTask(index)).toEqual(wanted);
        if (wanted !== 'refused') made += 1;
      }),
      { numRuns, seed },
    );
    // Otherwise the generator draws hardly anything but refusals, and the property says little.
    expect(made).toBeGreaterThan(numRuns / 2);
  };
}
