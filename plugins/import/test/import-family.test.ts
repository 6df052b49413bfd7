import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openImportTarget, type ImportTarget } from './import-target.ts';

/** All that a name can mean: each is loaded as `\copy` would load it, or refused before anything is changed. */

let target: ImportTarget;

beforeAll(async () => {
  target = await openImportTarget();
  await target.client.query('CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing');
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.client.query(
    'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS longshore_effects CASCADE; DROP SCHEMA IF EXISTS "a.b" CASCADE',
  );
});

const long = 'n'.repeat(60);
const columns = Array.from({ length: 1_600 }, (_, i) => `c${i}`);
const pairs = Array.from({ length: 200 }, (_, i) => `${i},value ${i}\n`).join('');

interface Family {
  readonly setup: string;
  readonly table?: string;
  readonly content?: string;
  readonly meta?: Record<string, unknown>;
}

const done: readonly (readonly [string, Family])[] = [
  ['a plain table', { setup: 'CREATE TABLE t (a int, b text)' }],
  ['an unlogged table', { setup: 'CREATE UNLOGGED TABLE t (a int, b text)' }],
  [
    'partitions of three levels with a default one',
    {
      setup: `CREATE TABLE t (a int, b text) PARTITION BY RANGE (a);
              CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (a);
              CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (50) PARTITION BY HASH (b);
              CREATE TABLE hashed PARTITION OF lowest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
              CREATE TABLE lower PARTITION OF low DEFAULT; CREATE TABLE other PARTITION OF t DEFAULT`,
    },
  ],
  [
    'one partition by its own name',
    { setup: 'CREATE TABLE whole (a int, b text) PARTITION BY RANGE (a); CREATE TABLE t PARTITION OF whole DEFAULT' },
  ],
  [
    'a table from which others with rows inherit',
    {
      setup: `CREATE TABLE t (a int, b text); CREATE TABLE heir () INHERITS (t); INSERT INTO heir VALUES (-1, 'there')`,
    },
  ],
  ['a table that inherits', { setup: 'CREATE TABLE parent (a int, b text); CREATE TABLE t () INHERITS (parent)' }],
  [
    'policies that do not apply to the role',
    { setup: 'CREATE TABLE t (a int, b text); ALTER TABLE t ENABLE ROW LEVEL SECURITY' },
  ],
  [
    'a rule, which COPY passes by',
    { setup: 'CREATE TABLE t (a int, b text); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING' },
  ],
  [
    'a trigger that changes rows',
    {
      setup: `CREATE TABLE t (a int, b text);
              CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := upper(NEW.b); RETURN NEW; END';
              CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION loud()`,
    },
  ],
  [
    'generated columns left out, an identity taken from the file',
    {
      setup:
        'CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (a * 2) STORED, b text)',
    },
  ],
  [
    'domains, arrays, composites and ranges',
    {
      setup: `CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (x int, y text);
              CREATE TABLE t (a positive, list int[], p pair, r int4range)`,
      content: '1,"{1,NULL,3}","(1,""a, b"")","[1,5)"\n2,{},"(,)",empty\n',
    },
  ],
  [
    'names with dots, quotes and 63 bytes',
    {
      setup: `CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."${long}.""x" (a int, "B.""b" text)`,
      table: `"a.b"."${long}.""x"`,
    },
  ],
  [
    '1,600 columns',
    {
      setup: `CREATE TABLE t (${columns.map((name) => `${name} bool`).join(', ')})`,
      content: `${columns.map(() => 't').join(',')}\n`,
    },
  ],
];

describe('loaded whole', () => {
  test.each(done)('%s', async (_, { setup, table = 't', content = pairs, meta = {} }) => {
    const files = await target.write('in.csv', content);
    await target.client.query(setup);
    const read = async (): Promise<unknown[]> =>
      (await target.client.query<{ row: unknown }>(`SELECT to_jsonb(t) AS row FROM ${table} AS t ORDER BY t::text`))
        .rows;
    const names = /twice/.test(setup) ? ' (a, b)' : '';
    await target.client.query('BEGIN');
    await pipeline(
      Readable.from([Buffer.from(content)], { objectMode: false }),
      target.client.query(copyFrom(`COPY ${table}${names} FROM STDIN WITH (FORMAT csv)`)),
    );
    const expected = await read();
    await target.client.query('ROLLBACK');
    await target.start({ table, files, ...meta }).run();
    expect(await read()).toEqual(expected);
  });
});

describe('refused before anything is changed', () => {
  test.each<readonly [string, string, string, RegExp]>([
    ['a view', 'CREATE VIEW t AS SELECT 1 AS a', 't', /is a view/],
    ['a materialized view', 'CREATE MATERIALIZED VIEW t AS SELECT 1 AS a', 't', /is a materialized view/],
    ['a foreign table', 'CREATE FOREIGN TABLE t (a int, b text) SERVER nowhere', 't', /is a foreign table/],
    [
      'a foreign partition',
      `CREATE TABLE t (a int, b text) PARTITION BY RANGE (a); CREATE FOREIGN TABLE f PARTITION OF t DEFAULT SERVER nowhere`,
      't',
      /foreign table public\.f/,
    ],
    ['a temporary table', 'CREATE TEMPORARY TABLE passing (a int, b text)', 'passing', /is temporary/],
    ['a table of the system', '', 'pg_catalog.pg_depend', /belongs to the system/],
    ['a sequence', 'CREATE SEQUENCE t', 't', /is a sequence/],
    ['a type', 'CREATE TYPE t AS (a int)', 't', /is a composite type/],
  ])('%s', async (_, setup, table, says) => {
    await target.client.query(setup);
    const schema = await target.client.query<{ name: string }>(
      'SELECT nspname AS name FROM pg_namespace WHERE oid = pg_my_temp_schema()',
    );
    // Another session's temporary table has a name only with its schema.
    const name = table === 'passing' ? `${schema.rows[0]?.name ?? ''}.passing` : table;
    const run = target.start({ table: name, files: await target.write('in.csv', pairs) });
    await expect(run.prepare()).rejects.toMatchObject({
      code: 'IMPORT_TABLE_UNSUPPORTED',
      permanent: true,
      message: expect.stringMatching(says) as unknown,
    });
    await target.client.query('DISCARD TEMPORARY');
  });
});
