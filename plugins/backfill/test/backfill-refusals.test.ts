import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openBackfillTarget, type BackfillTarget } from './backfill-target.ts';

let target: BackfillTarget;

beforeAll(async () => {
  target = await openBackfillTarget();
  await target.client.query("CREATE ROLE reader LOGIN PASSWORD 'secret'");
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.reset();
  await target.client.query(
    `GRANT USAGE ON SCHEMA public TO reader;
     CREATE TABLE items (id int PRIMARY KEY, total int, price int, twice int GENERATED ALWAYS AS (price * 2) STORED,
                         seen text, made timestamptz, number int GENERATED ALWAYS AS IDENTITY);
     INSERT INTO items (id, price) SELECT n, n FROM generate_series(1, 100) AS n`,
  );
});

const refused = (code: string, says: RegExp): object => ({
  code,
  permanent: true,
  message: expect.stringMatching(says) as unknown,
});

/** The same server as a role with few rights. */
function readerUrl(): string {
  const url = new URL(target.url);
  url.username = 'reader';
  url.password = 'secret';
  return url.href;
}

const set = { total: 'price * 2' };

describe('refused before anything is changed', () => {
  test.each([
    ['a table that does not exist', { table: 'nothing', set }, 'BACKFILL_TABLE_MISSING', /no table nothing/],
    ['a name that is none', { table: 'a.b.c.d', set }, 'BACKFILL_TABLE_MISSING', /Write it as in SQL/],
    [
      'a column that does not exist',
      { set: { totals: '1' } },
      'BACKFILL_COLUMN_MISSING',
      /"totals".*It has: id, total/,
    ],
    ['the key', { set: { id: 'id + 1' } }, 'BACKFILL_KEY_CHANGED', /primary key/],
    ['a generated column', { set: { twice: '1' } }, 'BACKFILL_COLUMN_GENERATED', /twice/],
    ['an identity column', { set: { number: '1' } }, 'BACKFILL_COLUMN_GENERATED', /number/],
    [
      'an unknown column in an expression',
      { set: { total: 'prize * 2' } },
      'BACKFILL_EXPRESSION_INVALID',
      /set\.total.*prize/,
    ],
    ['a value of another type', { set: { made: '17' } }, 'BACKFILL_EXPRESSION_INVALID', /the update.*made/],
    ['a syntax error', { set: { total: 'price *' } }, 'BACKFILL_EXPRESSION_INVALID', /set\.total/],
    ['a constant that is none', { set: { total: "'x'::int" } }, 'BACKFILL_EXPRESSION_INVALID', /set\.total.*"x"/],
    ['an aggregate', { set: { total: 'max(price)' } }, 'BACKFILL_EXPRESSION_INVALID', /aggregate/],
    ['a predicate that is none', { set, where: 'price' }, 'BACKFILL_EXPRESSION_INVALID', /where.*boolean/],
    ['a function that does not exist', { set, where: 'nothing(id)' }, 'BACKFILL_EXPRESSION_INVALID', /nothing/],
    ['sizes that contradict', { set, minBatchRows: 10, maxBatchRows: 5 }, 'BACKFILL_META_INVALID', /minBatchRows/],
  ])('%s', async (_, meta, code, says) => {
    await expect(target.start({ table: 'items', ...meta }).prepare()).rejects.toMatchObject(refused(code, says));
  });

  test.each([
    ['a where that ends its parenthesis', { where: 'true) OR (true' }],
    ['a where that is two statements', { where: 'true; DROP TABLE items' }],
    ['a where that ends the statement', { where: 'true); DROP TABLE items; SELECT (true' }],
    ['a where that returns', { where: 'true) RETURNING (1' }],
    ['a where that comments the rest away', { where: 'true /* all' }],
    ['a where that casts itself out', { where: 'true AS boolean), CAST(true' }],
    ['a set of two columns', { set: { total: '1, price = 2' } }],
    ['a set that ends its parenthesis', { set: { total: '1), price = (2' } }],
    ['a set that brings a where', { set: { total: '1) WHERE (true' } }],
    ['a set of two values', { set: { total: '1, 2' } }],
    ['a set that closes a bracket', { set: { total: '1], ARRAY[2' } }],
    ['a set with an unfinished string', { set: { total: "'", seen: "'" } }],
    ['a set with an unfinished dollar quote', { set: { seen: '$$', total: '$$' } }],
    ['a set that changes another table', { set: { total: '(WITH x AS (DELETE FROM items RETURNING 1) SELECT 1)' } }],
    ['a parameter', { set: { total: '$2' } }],
    ['a default', { set: { total: 'DEFAULT' } }],
  ])('%s', async (_, meta) => {
    const run = target.start({ table: 'items', set, ...meta });
    await expect(run.prepare()).rejects.toMatchObject(refused('BACKFILL_EXPRESSION_INVALID', /Postgres refuses/));
    expect((await target.client.query('SELECT FROM items WHERE total IS NULL')).rowCount).toBe(100);
  });

  test.each([
    ['no primary key', 'CREATE TABLE other (id int)', 'BACKFILL_KEY_UNSUPPORTED', /no primary key/],
    [
      'a key of two columns',
      'CREATE TABLE other (a int, "B" int, PRIMARY KEY (a, "B"))',
      'BACKFILL_KEY_UNSUPPORTED',
      /\(a, "B"\)/,
    ],
    [
      'a key of another type',
      'CREATE TABLE other (id varchar(9) PRIMARY KEY)',
      'BACKFILL_KEY_UNSUPPORTED',
      /character varying.*uuid/,
    ],
    ['no rows of its own', 'CREATE VIEW other AS SELECT * FROM items', 'BACKFILL_TABLE_UNSUPPORTED', /is a view/],
    [
      'a rule',
      'CREATE TABLE other (id int PRIMARY KEY); CREATE RULE r AS ON UPDATE TO other DO INSTEAD NOTHING',
      'BACKFILL_TABLE_UNSUPPORTED',
      /rule/,
    ],
    [
      'a name that needs quotes',
      'CREATE TABLE "Other" (id int PRIMARY KEY)',
      'BACKFILL_TABLE_MISSING',
      /Is it public\."Other"\?/,
    ],
  ])('a table with %s', async (_, setup, code, says) => {
    await target.client.query(setup);
    await expect(target.start({ table: 'other', set }).prepare()).rejects.toMatchObject(refused(code, says));
  });

  test.each([
    ['no grant at all', '', /lacks SELECT/],
    ['no UPDATE on the column', 'GRANT SELECT, UPDATE (price) ON items TO reader', /lacks UPDATE on column total/],
    ['a function that it may not call', 'GRANT SELECT, UPDATE ON items TO reader', /secret_price/],
  ])('a role with %s', async (_, grant, says) => {
    await target.client.query(
      `CREATE FUNCTION secret_price(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION secret_price FROM public`,
    );
    await target.client.query(grant);
    const run = target.start({ table: 'items', set: { total: 'secret_price(id)' } }, { url: readerUrl() });
    // Its schema was made by a role that may.
    await prepareAs(target.url);
    await expect(run.prepare()).rejects.toMatchObject(refused('BACKFILL_NO_PRIVILEGE', says));
  });

  test('a role to which a policy applies', async () => {
    await target.client.query('GRANT ALL ON items TO reader; ALTER TABLE items ENABLE ROW LEVEL SECURITY');
    await prepareAs(target.url);
    const run = target.start({ table: 'items', set }, { url: readerUrl() });
    await expect(run.prepare()).rejects.toMatchObject(refused('BACKFILL_TABLE_UNSUPPORTED', /row-level security/));
  });
});

/** Lets a backfill of the owner make the effects' schema, and the other role use it. */
async function prepareAs(url: string): Promise<void> {
  await target.start({ table: 'items', set }, { url }).prepare();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `GRANT USAGE ON SCHEMA longshore_effects TO reader; GRANT ALL ON ALL TABLES IN SCHEMA longshore_effects TO reader`,
  );
  await client.end();
}

test('a trigger is allowed, and mentioned', async () => {
  await target.client.query(
    `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.seen := ''seen''; RETURN NEW; END';
     CREATE TRIGGER note_it BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note()`,
  );
  const run = target.start({ table: 'items', set });
  expect(await run.run()).toMatchObject({ rows: 100 });
  expect(run.logged).toContain('public.items has triggers that run for each batch or row: note_it');
  expect((await target.client.query("SELECT FROM items WHERE seen = 'seen'")).rowCount).toBe(100);
});

test.each([
  ['no column to set', { set: {} }],
  ['a field that there is not', { set, limit: 5 }],
  ['a batch without time', { set, targetBatchMs: 0 }],
  ['no table', { set, table: '' }],
])('a meta with %s fails its schema', (_, meta) => {
  expect(() => target.start({ table: 'items', ...meta })).toThrow(TypeError);
});
