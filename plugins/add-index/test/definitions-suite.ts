import { describe, expect, test } from 'vitest';
import { createOrders, type IndexTarget } from './index-target.ts';

/** The same index in both ways of saying it, and how Postgres tells it. */
const cases: readonly (readonly [name: string, statement: string, index: Record<string, unknown>, told: string])[] = [
  ['one column', 'CREATE INDEX ON orders (customer)', { columns: ['customer'] }, 'USING btree (customer)'],
  [
    'a name in capitals, an order and nulls',
    'create index "By ""Both""" on public.orders using btree (customer desc nulls last, id asc nulls first)',
    {
      name: 'By "Both"',
      columns: [
        { column: 'customer', order: 'desc', nulls: 'last' },
        { column: 'id', order: 'asc', nulls: 'first' },
      ],
    },
    'USING btree (customer DESC NULLS LAST, id NULLS FIRST)',
  ],
  [
    'an expression with a comment, and a predicate',
    "CREATE INDEX CONCURRENTLY ON orders ((lower(customer) -- é, not (this\n || ')')) WHERE amount > 0 AND customer <> ';' ;",
    {
      columns: [{ expression: "lower(customer) -- é, not (this\n || ')'" }],
      where: "amount > 0 AND customer <> ';' -- all",
    },
    `USING btree (((lower(customer) || ')'::text))) WHERE ((amount > (0)::numeric) AND (customer <> ';'::text))`,
  ],
  [
    'unique, carried columns and storage parameters',
    'CREATE UNIQUE INDEX ON ONLY_ids (id) INCLUDE (customer) NULLS NOT DISTINCT WITH (fillfactor = 70, deduplicate_items = off)',
    {
      table: 'only_ids',
      columns: ['id'],
      unique: true,
      include: ['customer'],
      nullsNotDistinct: true,
      with: { fillfactor: 70, deduplicate_items: 'off' },
    },
    `USING btree (id) INCLUDE (customer) NULLS NOT DISTINCT WITH (fillfactor='70', deduplicate_items=off)`,
  ],
  [
    'a collation, an operator class and a method of another schema',
    'CREATE INDEX ON orders USING btree (customer COLLATE "C" text_pattern_ops, lower(customer) pg_catalog.text_ops)',
    {
      columns: [
        { column: 'customer', collation: '"C"', opclass: 'text_pattern_ops' },
        { expression: 'lower(customer)', opclass: 'pg_catalog.text_ops' },
      ],
    },
    'USING btree (customer COLLATE "C" text_pattern_ops, lower(customer))',
  ],
  [
    'a method with one phase',
    'CREATE INDEX ON orders USING brin (id) WITH (pages_per_range = 16)',
    { columns: ['id'], method: 'brin', with: { pages_per_range: 16 } },
    `USING brin (id) WITH (pages_per_range='16')`,
  ],
  [
    'a function and a type of a schema that is on the search_path',
    'CREATE INDEX ON orders (short(customer))',
    { columns: [{ expression: 'short(customer)' }] },
    'USING btree (public.short(customer))',
  ],
  [
    'a tablespace',
    'CREATE INDEX ON orders (id) TABLESPACE pg_default WHERE id > 1',
    { columns: ['id'], tablespace: 'pg_default', where: 'id > 1' },
    'USING btree (id) WHERE (id > 1)',
  ],
];

export function describeDefinitions(target: IndexTarget): void {
  describe('a statement and fields mean the same', () => {
    test.each(cases)('%s', async (_, statement, index, told) => {
      await createOrders(target.client, 0);
      await target.client.query(
        `CREATE TABLE only_ids (id bigint, customer text);
         CREATE FUNCTION short(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT substr($1, 1, 5)'`,
      );
      const byStatement = target.start({ statement });
      await byStatement.prepare();
      const byFields = target.start({ index: { table: 'orders', ...index } });
      await byFields.prepare();
      expect(byStatement.meta.prepared).toMatchObject({ body: told, isUnique: index['unique'] === true });
      expect(byFields.meta.prepared).toEqual({ ...byStatement.meta.prepared, token: byFields.meta.prepared?.token });
      // What is built is what was told, whatever the search_path of its session.
      await target.client.query(`ALTER ROLE postgres SET search_path = pg_catalog`);
      try {
        await byStatement.runFrom('parents');
      } finally {
        await target.client.query('ALTER ROLE postgres RESET search_path');
      }
      const again = target.start({ index: { table: 'orders', ...index } });
      expect(await again.run()).toMatchObject({ existed: true });
    });
  });
}
