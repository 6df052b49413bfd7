import { describe, expect, test } from 'vitest';
import addIndexTaskType from '../src/index.ts';
import { createOrders, useIndexTarget } from './index-target.ts';

const target = useIndexTarget();

const refused = (code: string, says: RegExp): object => ({
  code,
  permanent: true,
  message: expect.stringMatching(says) as unknown,
});

interface Case {
  readonly setup?: string;
  readonly meta: Record<string, unknown>;
  readonly code: string;
  readonly says: RegExp;
}

const statement = (text: string): Record<string, unknown> => ({ statement: text });
const fields = (index: Record<string, unknown>): Record<string, unknown> => ({
  index: { table: 'orders', columns: ['id'], ...index },
});

const cases: readonly (readonly [string, Case])[] = [
  ['no index at all', { meta: {}, code: 'ADD_INDEX_META_INVALID', says: /either index or statement/ }],
  [
    'both ways of saying it',
    {
      meta: { ...fields({}), ...statement('CREATE INDEX ON orders (id)') },
      code: 'ADD_INDEX_META_INVALID',
      says: /not both/,
    },
  ],
  [
    'a syntax error',
    {
      meta: statement('CREATE INDEX ON orders (id'),
      code: 'ADD_INDEX_STATEMENT_INVALID',
      says: /syntax error at end of input, at character 26/,
    },
  ],
  ['an empty statement', { meta: statement(' -- \n'), code: 'ADD_INDEX_STATEMENT_INVALID', says: /empty/ }],
  [
    'two statements',
    {
      meta: statement('CREATE INDEX ON orders (id); DROP TABLE orders'),
      code: 'ADD_INDEX_STATEMENT_INVALID',
      says: /more than one/,
    },
  ],
  [
    'another statement',
    { meta: statement('DROP TABLE orders'), code: 'ADD_INDEX_STATEMENT_INVALID', says: /no CREATE INDEX/ },
  ],
  [
    'ON ONLY',
    { meta: statement('CREATE INDEX ON ONLY orders (id)'), code: 'ADD_INDEX_STATEMENT_UNSUPPORTED', says: /ON ONLY/ },
  ],
  [
    'a database in the name',
    {
      meta: statement('CREATE INDEX ON other.public.orders (id)'),
      code: 'ADD_INDEX_STATEMENT_UNSUPPORTED',
      says: /database other/,
    },
  ],
  [
    'an expression that goes on with something else',
    {
      meta: fields({ columns: [{ expression: 'id) FROM orders WHERE (true' }] }),
      code: 'ADD_INDEX_META_INVALID',
      says: /not one SQL expression/,
    },
  ],
  [
    'two expressions in one',
    {
      meta: fields({ columns: [{ expression: 'id), (amount' }] }),
      code: 'ADD_INDEX_META_INVALID',
      says: /not one SQL expression/,
    },
  ],
  [
    'a predicate that ends the statement',
    {
      meta: fields({ where: 'true); DROP TABLE orders; SELECT (1' }),
      code: 'ADD_INDEX_META_INVALID',
      says: /where .* is not one/,
    },
  ],
  [
    'an expression that is none',
    { meta: fields({ columns: [{ expression: 'id +' }] }), code: 'ADD_INDEX_META_INVALID', says: /syntax error/ },
  ],
  [
    'a key of neither column nor expression',
    { meta: fields({ columns: [{ order: 'asc' }] }), code: 'ADD_INDEX_META_INVALID', says: /either column or/ },
  ],
  [
    'nullsNotDistinct without unique',
    { meta: fields({ nullsNotDistinct: true }), code: 'ADD_INDEX_META_INVALID', says: /unique/ },
  ],
  [
    'a table that does not exist',
    { meta: fields({ table: 'missing' }), code: 'ADD_INDEX_TABLE_MISSING', says: /no table missing/ },
  ],
  [
    'a name that is none',
    { meta: fields({ table: 'a.b.c.d' }), code: 'ADD_INDEX_TABLE_MISSING', says: /is no valid table name/ },
  ],
  [
    'a view',
    {
      setup: 'CREATE VIEW v AS SELECT * FROM orders',
      meta: fields({ table: 'v' }),
      code: 'ADD_INDEX_TABLE_UNSUPPORTED',
      says: /public\.v is a view/,
    },
  ],
  [
    'a table of the system',
    { meta: fields({ table: 'pg_class', columns: ['oid'] }), code: 'ADD_INDEX_TABLE_UNSUPPORTED', says: /system/ },
  ],
  [
    'a column that does not exist',
    { meta: fields({ columns: ['Id'] }), code: 'ADD_INDEX_COLUMN_MISSING', says: /"Id" does not exist/ },
  ],
  [
    'an expression that changes',
    {
      meta: fields({ columns: [{ expression: 'now()' }] }),
      code: 'ADD_INDEX_DEFINITION_REFUSED',
      says: /must be marked IMMUTABLE/,
    },
  ],
  [
    'a method that does not exist',
    { meta: fields({ method: 'tree' }), code: 'ADD_INDEX_DEFINITION_REFUSED', says: /"tree" does not exist/ },
  ],
  [
    'an operator class that does not fit',
    {
      meta: fields({ columns: [{ column: 'id', opclass: 'text_pattern_ops' }] }),
      code: 'ADD_INDEX_DEFINITION_REFUSED',
      says: /text_pattern_ops/,
    },
  ],
  [
    'a storage parameter that does not exist',
    { meta: fields({ with: { fullness: 1 } }), code: 'ADD_INDEX_DEFINITION_REFUSED', says: /fullness/ },
  ],
  [
    'a tablespace that does not exist',
    { meta: fields({ tablespace: 'ssd' }), code: 'ADD_INDEX_DEFINITION_REFUSED', says: /"ssd" does not exist/ },
  ],
  [
    'a unique index without the partition key of a lower level',
    {
      setup: `CREATE TABLE p (a int, b int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY LIST (b)`,
      meta: fields({ table: 'p', columns: ['a'], unique: true }),
      code: 'ADD_INDEX_DEFINITION_REFUSED',
      says: /must include all partitioning columns/,
    },
  ],
  [
    'a name that another index has',
    {
      setup: 'CREATE TABLE other (id int); CREATE INDEX mine ON other (id)',
      meta: fields({ name: 'mine' }),
      code: 'ADD_INDEX_NAME_TAKEN',
      says: /"public"\."mine" is the name of another index, on public\.other/,
    },
  ],
  [
    'a name that a table has',
    { meta: fields({ name: 'orders' }), code: 'ADD_INDEX_NAME_TAKEN', says: /something else than an index/ },
  ],
  [
    'another index of the same name on the same table',
    {
      setup: 'CREATE INDEX mine ON orders (id DESC)',
      meta: fields({ name: 'mine' }),
      code: 'ADD_INDEX_NAME_TAKEN',
      says: /another index/,
    },
  ],
  [
    'an equal index of another name',
    {
      setup: 'CREATE INDEX mine ON orders (id)',
      meta: fields({ name: 'yours' }),
      code: 'ADD_INDEX_EQUAL_EXISTS',
      says: /ALTER INDEX public\.mine RENAME TO "yours"/,
    },
  ],
  [
    'an equal index that is invalid',
    {
      setup: `CREATE INDEX mine ON orders (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mine'::regclass`,
      meta: fields({}),
      code: 'ADD_INDEX_INVALID_EXISTS',
      says: /DROP INDEX CONCURRENTLY public\.mine/,
    },
  ],
  [
    'an equal index of a partition that is invalid',
    {
      setup: `CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT; CREATE INDEX mine ON p1 (id);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mine'::regclass`,
      meta: fields({ table: 'p' }),
      code: 'ADD_INDEX_INVALID_EXISTS',
      says: /public\.p1 has an equal index, public\.mine.*DROP INDEX CONCURRENTLY/,
    },
  ],
];

describe('prepare refuses, with a code and what to do, and changes nothing:', () => {
  test.each(cases)('%s', async (_, { setup, meta, code, says }) => {
    await createOrders(target.client, 0);
    if (setup !== undefined) await target.client.query(setup);
    const before = await target.indexes();
    const run = target.start(meta);
    await expect(run.prepare()).rejects.toMatchObject(refused(code, says));
    await run.revert();
    expect(await target.indexes()).toEqual(before);
  });

  test('a table with a foreign partition', async () => {
    await target.client.query(
      `CREATE EXTENSION IF NOT EXISTS postgres_fdw; CREATE SERVER IF NOT EXISTS away FOREIGN DATA WRAPPER postgres_fdw;
       CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE FOREIGN TABLE far PARTITION OF p DEFAULT SERVER away`,
    );
    const run = target.start(fields({ table: 'p' }));
    await expect(run.prepare()).rejects.toMatchObject(
      refused('ADD_INDEX_TABLE_UNSUPPORTED', /foreign table public\.far/),
    );
  });

  const asLoader = (): string => {
    const url = new URL(target.url);
    url.username = 'loader';
    url.password = 'secret';
    return url.href;
  };

  test.each([
    ['that owns nothing', 'GRANT USAGE ON SCHEMA public TO loader', /no member of the owner of public\.orders/],
    [
      'without CREATE on the schema',
      'ALTER TABLE orders OWNER TO loader; GRANT USAGE ON SCHEMA public TO loader',
      /lacks USAGE or CREATE on schema public/,
    ],
    [
      'without TEMPORARY on the database',
      'ALTER TABLE orders OWNER TO loader; GRANT USAGE, CREATE ON SCHEMA public TO loader; REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC',
      /TEMPORARY on the database/,
    ],
  ])('a role %s', async (_, grant, says) => {
    await createOrders(target.client, 0);
    await target.client.query(
      `SELECT 1; ${grant}; CREATE SCHEMA IF NOT EXISTS longshore_effects; GRANT ALL ON SCHEMA longshore_effects TO loader;
       GRANT CREATE ON DATABASE postgres TO loader`,
    );
    try {
      const run = target.start(fields({}), { url: asLoader() });
      await expect(run.prepare()).rejects.toMatchObject(refused('ADD_INDEX_NO_PRIVILEGE', says));
    } finally {
      await target.client.query('GRANT TEMPORARY ON DATABASE postgres TO PUBLIC');
    }
  });
});

describe('the schema refuses', () => {
  test.each([
    ['an unknown field', { colums: ['id'] }],
    ['no column', { columns: [] }],
    ['a collation that is more than a name', { columns: [{ column: 'id', collation: '"C" DESC' }] }],
    ['a method that is more than a name', { method: 'btree (id); --' }],
    ['a storage parameter that is more than a name', { with: { 'fillfactor = 70, x': 1 } }],
  ])('%s', (_, index) => {
    const checked = addIndexTaskType.meta['~standard'].validate({ connection: 'target', ...fields(index) });
    expect(checked).toMatchObject({ issues: expect.anything() });
  });
});
