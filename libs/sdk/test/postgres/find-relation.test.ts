import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorMaker, type SqlClient, type SqlRow } from '../../src/index.ts';
import { findRelation, quoteIdentifier, quoteLiteral } from '../../src/postgres/index.ts';

let postgres: EmbeddedPostgres;
let session: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  session = new pg.Client({ connectionString: postgres.url });
  await session.connect();
  await session.query(`
    CREATE TABLE plain (id int);
    CREATE TABLE "Mixed ""Case""" (id int);
    CREATE TEMPORARY TABLE passing (id int);
    CREATE VIEW seen AS SELECT 1 AS one;
    CREATE SEQUENCE counted;
    CREATE FOREIGN DATA WRAPPER nothing;
    CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
    CREATE TABLE parted (id int) PARTITION BY RANGE (id);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
    CREATE FOREIGN TABLE far PARTITION OF parted_1 FOR VALUES FROM (0) TO (5) SERVER nowhere;
    CREATE TABLE parent (id int);
    CREATE TABLE heir () INHERITS (parent);
    CREATE SCHEMA closed;
    CREATE TABLE closed.hidden (id int);
    CREATE TABLE filtered (id int);
    ALTER TABLE filtered ENABLE ROW LEVEL SECURITY;
    CREATE ROLE weak;
    GRANT SELECT ON filtered TO weak`);
});
afterAll(async () => {
  await session.end();
  await postgres.stop();
});

const client: SqlClient = {
  query: <R extends SqlRow>(text: string, values: readonly unknown[] = []) => session.query<R>(text, [...values]),
  stream: () => {
    throw new TypeError('nothing is streamed here');
  },
};
const errors = {
  make: errorMaker<'MISSING' | 'UNSUPPORTED' | 'NO_PRIVILEGE'>([]),
  missing: 'MISSING',
  unsupported: 'UNSUPPORTED',
  noPrivilege: 'NO_PRIVILEGE',
  wanted: 'give a table',
} as const;

test.each([
  ['plain', { schema: 'public', relation: 'plain', name: 'public.plain', isPartitioned: false, isTemporary: false }],
  ['"Mixed ""Case"""', { relation: 'Mixed "Case"', name: 'public."Mixed ""Case"""' }],
  ['passing', { isTemporary: true }],
  ['pg_class', { isSystem: true, name: 'pg_catalog.pg_class' }],
  ['parted', { isPartitioned: true, foreignPartition: 'public.far', isFiltered: false, heir: null }],
  ['parent', { isPartitioned: false, heir: 'public.heir' }],
  ['heir', { isPartitioned: false, heir: null }],
])('%s is found as the catalog has it', async (name, facts) => {
  expect(await findRelation(client, name, errors)).toMatchObject(facts);
});

test('row-level security counts where it is in force for the role', async () => {
  expect(await findRelation(client, 'filtered', errors)).toMatchObject({ isFiltered: false });
  await session.query('SET ROLE weak');
  try {
    expect(await findRelation(client, 'filtered', errors)).toMatchObject({ isFiltered: true });
  } finally {
    await session.query('RESET ROLE');
  }
});

describe('refused', () => {
  test.each([
    ['seen', 'UNSUPPORTED', 'public.seen is a view; give a table.'],
    ['counted', 'UNSUPPORTED', 'public.counted is a sequence; give a table.'],
    ['far', 'UNSUPPORTED', 'public.far is a foreign table; give a table.'],
    ['absent', 'MISSING', /no table absent\. Create it, or check the name/],
    ['PLAIN_', 'MISSING', /no table PLAIN_/],
    ['"open', 'MISSING', /no table "open/],
    ['a.b.c.d', 'MISSING', /is no valid table name/],
    ['hidden', 'MISSING', /Is it closed\.hidden\?/],
  ])('%s as %s', async (name, code, message) => {
    await expect(findRelation(client, name, errors)).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
      details: { table: typeof message === 'string' ? `public.${name}` : name },
    });
  });

  test('what is in a schema that the role may not look into', async () => {
    await session.query('SET ROLE weak');
    try {
      const message = expect.stringMatching(/may not look up table closed\.hidden/) as string;
      await expect(findRelation(client, 'closed.hidden', errors)).rejects.toMatchObject({
        code: 'NO_PRIVILEGE',
        message,
      });
    } finally {
      await session.query('RESET ROLE');
    }
  });
});

test.each([`it's`, String.raw`a\b`, String.raw`'\'`, 'plain', ''])('the literal %j is read as it was', async (text) => {
  for (const conforming of ['on', 'off']) {
    await session.query(`SET standard_conforming_strings = ${conforming}; SET escape_string_warning = off`);
    const { rows } = await session.query<{ text: string }>(`SELECT ${quoteLiteral(text)} AS text`);
    expect(rows).toEqual([{ text }]);
  }
});

test.each(['plain', 'Upper', 'a "b"', 'select', 'é b'])('the identifier %j is read as it was', async (name) => {
  const { fields } = await session.query(`SELECT 1 AS ${quoteIdentifier(name)}`);
  expect(fields[0]?.name).toBe(name);
});
