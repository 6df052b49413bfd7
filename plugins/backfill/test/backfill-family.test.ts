import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openBackfillTarget, type BackfillTarget } from './backfill-target.ts';

/** All that a name can mean: each is changed as a plain UPDATE would change it, or refused before anything is changed. */

let target: BackfillTarget;

beforeAll(async () => {
  target = await openBackfillTarget();
  await target.client.query('CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing');
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.reset();
});

const long = 'n'.repeat(63);
const wide = Array.from({ length: 1_597 }, (_, i) => `c${i} bool`).join(', ');

/** A table with a key and a counter that begins at 0, and where its rows are afterwards. */
const done: readonly (readonly [what: string, setup: string, table: string])[] = [
  [
    'a plain table',
    'CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT generate_series(1, 300)',
    't',
  ],
  [
    'an unlogged table',
    'CREATE UNLOGGED TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT generate_series(1, 300)',
    't',
  ],
  [
    'partitions of three levels with a default one',
    `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY RANGE (id);
     CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
     CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (50) PARTITION BY HASH (id);
     CREATE TABLE hashed PARTITION OF lowest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
     CREATE TABLE lower PARTITION OF low DEFAULT; CREATE TABLE other PARTITION OF t DEFAULT;
     INSERT INTO t SELECT generate_series(1, 300)`,
    't',
  ],
  [
    'one partition by its own name',
    `CREATE TABLE whole (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY RANGE (id);
     CREATE TABLE t PARTITION OF whole DEFAULT; INSERT INTO whole SELECT generate_series(1, 300)`,
    't',
  ],
  [
    'a table that inherits',
    `CREATE TABLE parent (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO parent VALUES (1, 0);
     CREATE TABLE t (PRIMARY KEY (id)) INHERITS (parent); INSERT INTO t SELECT generate_series(1, 300)`,
    't',
  ],
  [
    'policies that do not apply to the role',
    `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
     INSERT INTO t SELECT generate_series(1, 300)`,
    't',
  ],
  [
    'a key of a domain, generated and identity columns, arrays, composites and ranges',
    `CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN price AS int; CREATE TYPE pair AS (a int, b text);
     CREATE TABLE t (id positive PRIMARY KEY, n price DEFAULT 0, twice int GENERATED ALWAYS AS (n * 2) STORED,
       num int GENERATED ALWAYS AS IDENTITY, list int[] DEFAULT '{1,2}', p pair DEFAULT (1, 'x'), r int4range DEFAULT '[1,5)');
     INSERT INTO t SELECT generate_series(1, 300)`,
    't',
  ],
  [
    'names with dots, quotes and 63 bytes',
    `CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."${long.slice(0, 60)}.""x" (id int PRIMARY KEY, n int DEFAULT 0);
     INSERT INTO "a.b"."${long.slice(0, 60)}.""x" SELECT generate_series(1, 300)`,
    `"a.b"."${long.slice(0, 60)}.""x"`,
  ],
  [
    '1,599 columns',
    `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0, ${wide}); INSERT INTO t SELECT generate_series(1, 300)`,
    't',
  ],
  [
    'a key that is deferrable and carries a column',
    `CREATE TABLE t (id int, n int DEFAULT 0, x int, PRIMARY KEY (id) INCLUDE (x) DEFERRABLE INITIALLY DEFERRED);
     INSERT INTO t SELECT generate_series(1, 300)`,
    't',
  ],
];

describe('done whole', () => {
  test.each(done)('%s', async (_, setup, table) => {
    await target.client.query(`DROP SCHEMA IF EXISTS "a.b" CASCADE; ${setup}`);
    const meta = { table, set: { n: 'n + 1' }, where: 'n = 0', rangeRows: 100, maxBatchRows: 70 };
    expect(await target.start({ ...meta, dryRun: true }).run()).toMatchObject({ matching: 300 });
    expect(await target.start(meta).run()).toMatchObject({ rows: 300, remaining: 0 });
    const counted = await target.client.query(`SELECT n, count(*)::int FROM ${table} GROUP BY n`);
    expect(counted.rows).toEqual([{ n: 1, count: 300 }]);
    // A plain UPDATE would find nothing left.
    expect((await target.client.query(`UPDATE ${table} SET n = n + 1 WHERE n = 0`)).rowCount).toBe(0);
  });

  test('ONLY a table from which others inherit, and they by their own names', async () => {
    await target.client.query(
      `CREATE TABLE b (id int PRIMARY KEY, x int DEFAULT 0); INSERT INTO b SELECT generate_series(1, 1000);
       CREATE TABLE b_old (PRIMARY KEY (id)) INHERITS (b); INSERT INTO b_old SELECT generate_series(500, 3000)`,
    );
    const meta = { set: { x: 'x + 1' }, where: 'x = 0' };
    expect(await target.start({ ...meta, table: 'only b' }).run()).toMatchObject({ rows: 1_000, remaining: 0 });
    expect(await target.start({ ...meta, table: 'b_old' }).run()).toMatchObject({ rows: 2_501, remaining: 0 });
    expect((await target.client.query('SELECT x, count(*)::int FROM b GROUP BY x')).rows).toEqual([
      { x: 1, count: 3_501 },
    ]);
  });
});

const refusals: readonly (readonly [what: string, setup: string, table: string, says: RegExp])[] = [
  [
    'a table from which others inherit',
    `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT generate_series(1, 10);
     CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (t); INSERT INTO heir SELECT generate_series(5, 30)`,
    't',
    /public\.heir inherit.*backfill ONLY public\.t/,
  ],
  [
    'an empty one',
    `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); CREATE TABLE heir () INHERITS (t); INSERT INTO heir VALUES (1, 0)`,
    't',
    /inherit/,
  ],
  [
    'one with a foreign table',
    `CREATE TABLE t (id int PRIMARY KEY, n int); CREATE FOREIGN TABLE heir () INHERITS (t) SERVER nowhere`,
    't',
    /inherit/,
  ],
  [
    'ONLY a partitioned table',
    `CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); CREATE TABLE p PARTITION OF t DEFAULT`,
    'ONLY t',
    /leave ONLY out/,
  ],
  ['a view', 'CREATE VIEW t AS SELECT 1 AS id, 0 AS n', 't', /is a view/],
  ['a materialized view', 'CREATE MATERIALIZED VIEW t AS SELECT 1 AS id, 0 AS n', 't', /is a materialized view/],
  ['a foreign table', 'CREATE FOREIGN TABLE t (id int, n int) SERVER nowhere', 't', /is a foreign table/],
  [
    'a foreign partition',
    `CREATE TABLE t (id int, n int) PARTITION BY RANGE (id); CREATE TABLE p PARTITION OF t FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id);
     CREATE FOREIGN TABLE f PARTITION OF p DEFAULT SERVER nowhere`,
    't',
    /foreign table public\.f/,
  ],
  ['a temporary table', 'CREATE TEMPORARY TABLE passing (id int PRIMARY KEY, n int)', 'passing', /is temporary/],
  ['a table of the system', '', 'pg_catalog.pg_class', /belongs to the system/],
  [
    'a rule for UPDATE',
    'CREATE TABLE t (id int PRIMARY KEY, n int); CREATE RULE r AS ON UPDATE TO t DO ALSO NOTHING',
    't',
    /rule/,
  ],
  ['a sequence', 'CREATE SEQUENCE t', 't', /is a sequence/],
  ['a type', 'CREATE TYPE t AS (id int, n int)', 't', /is a composite type/],
];

describe('refused before anything is changed', () => {
  test.each(refusals)('%s', async (_, setup, table, says) => {
    await target.client.query(setup);
    // Another session's temporary table has a name only with its schema.
    const schema = await target.client.query<{ name: string }>(
      'SELECT nspname AS name FROM pg_namespace WHERE oid = pg_my_temp_schema()',
    );
    const name = table === 'passing' ? `${schema.rows[0]?.name ?? ''}.passing` : table;
    await expect(target.start({ table: name, set: { n: 'n + 1' } }).prepare()).rejects.toMatchObject({
      code: 'BACKFILL_TABLE_UNSUPPORTED',
      permanent: true,
      message: expect.stringMatching(says) as unknown,
    });
    await target.client.query('DISCARD TEMPORARY');
  });
});

test('a partition that is attached meanwhile is told, with rows that were not changed', async () => {
  await target.client.query(
    `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY RANGE (id);
     CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (100) TO (200); INSERT INTO t SELECT generate_series(100, 199);
     CREATE TABLE t_0 (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t_0 SELECT generate_series(0, 99)`,
  );
  const run = target.start({ table: 't', set: { n: 'n + 1' }, where: 'n = 0' });
  await run.prepare();
  await run.runStep('update');
  await target.client.query('ALTER TABLE t ATTACH PARTITION t_0 FOR VALUES FROM (0) TO (100)');
  await run.runStep('tail');
  await run.runStep('verify');
  expect(await run.done()).toMatchObject({ rows: 100, remaining: 100, partitionsChanged: true });
  expect(run.logged.join('\n')).toMatch(/tables that public\.t consists of changed/);
});

test('a table that comes to inherit meanwhile is told', async () => {
  await target.client.query('CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t VALUES (1, 0)');
  const run = target.start({ table: 't', set: { n: 'n + 1' } });
  await run.prepare();
  await run.runStep('update');
  await target.client.query('CREATE TABLE heir () INHERITS (t)');
  await run.runStep('tail');
  await run.runStep('verify');
  expect(await run.done()).toMatchObject({ rows: 1, partitionsChanged: true });
});
