import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openBackfillTarget, type BackfillTarget } from './backfill-target.ts';

let target: BackfillTarget;

beforeAll(async () => {
  target = await openBackfillTarget();
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.reset();
});

const once = { table: 'items', set: { counter: 'counter + 1' } };

/** Makes a table of some 6,000 pages, three times of what a sample reads, which was never analysed. */
async function makeLargeTable(type: string, key: string): Promise<void> {
  await target.client.query(
    `CREATE TABLE items (id ${type} PRIMARY KEY, counter int NOT NULL DEFAULT 0, padding text) WITH (autovacuum_enabled = off)`,
  );
  await target.client.query(
    `INSERT INTO items SELECT ${key}, 0, repeat('x', 400) FROM generate_series(1, 100000) AS n ON CONFLICT DO NOTHING`,
  );
}

interface Planned {
  readonly range: { readonly after: string | null; readonly upTo: string };
}

/** How many rows each planned range really has. */
async function weights(rangeRows: number): Promise<readonly number[]> {
  const run = target.start({ ...once, rangeRows });
  await run.prepare();
  const ends = (await run.plan('update')).map(({ meta }) => (meta as unknown as Planned).range.upTo);
  const found = await target.client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT (SELECT count(*) FROM unnest($1::text[]) AS e(key) WHERE e.key::${await keyType()} < id) AS place FROM items) AS placed
      GROUP BY place ORDER BY place`,
    [ends],
  );
  return found.rows.map(({ n }) => n);
}

async function keyType(): Promise<string> {
  const found = await target.client.query<{ type: string }>(
    `SELECT format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'id'`,
  );
  return found.rows[0]!.type;
}

describe('ranges of a large table weigh about the same', () => {
  test.each([
    ['dense keys', 'integer', 'n'],
    ['random keys', 'uuid', 'gen_random_uuid()'],
    // Nine tenths of the keys within a millionth of their span.
    ['skewed keys', 'bigint', 'CASE WHEN n % 10 = 0 THEN n::bigint * 10000000000 ELSE n END'],
    ['keys with holes', 'bigint', '(n / 1000)::bigint * 1000000000 + n % 1000'],
  ])('with %s', async (_, type, key) => {
    await makeLargeTable(type, key);
    const rows = await weights(10_000);
    expect(rows.length).toBeGreaterThanOrEqual(8);
    expect(rows.length).toBeLessThanOrEqual(13);
    // A tenth of the rows each; the last one goes on to the real end.
    for (const weight of rows) expect(weight).toBeLessThan(20_000);
    for (const weight of rows.slice(0, -1)) expect(weight).toBeGreaterThan(4_000);
  });

  test('when most of its pages are empty', async () => {
    await makeLargeTable('integer', 'n');
    await target.client.query('DELETE FROM items WHERE id % 50 <> 0 AND id < 95000');
    const run = target.start({ ...once, rangeRows: 1_000, minBatchRows: 500 });
    expect(await run.run()).toMatchObject({ rows: 6_900 });
  });
});

describe('a dry run', () => {
  test('plans, estimates, shows rows before and after, and changes nothing', async () => {
    await target.client.query(
      `CREATE TABLE items (id int PRIMARY KEY, total numeric, price numeric, counter int NOT NULL DEFAULT 0);
       INSERT INTO items SELECT n, CASE WHEN n <= 500 THEN 0 END, n FROM generate_series(1, 2000) AS n`,
    );
    const meta = { table: 'items', set: { total: 'items.price * 2' }, where: 'items.total IS NULL', rangeRows: 500 };
    const result = await target.start({ ...meta, dryRun: true }).run();
    expect(result).toMatchObject({
      dryRun: true,
      table: 'public.items',
      key: 'id',
      rows: 2_000,
      matching: 1_500,
      ranges: 4,
      batches: expect.any(Number),
      batchRows: expect.any(Number),
    });
    expect((result as { sample: unknown }).sample).toEqual(
      [501, 502, 503, 504, 505].map((id) => ({
        key: String(id),
        before: { total: null },
        after: { total: String(id * 2) },
      })),
    );
    expect((await target.client.query('SELECT FROM items WHERE total > 0')).rowCount).toBe(0);
    expect((await target.client.query('SELECT FROM longshore_effects.ledger')).rowCount).toBe(0);
  });

  test('of an empty table, and of one where nothing matches, has no sample', async () => {
    await target.client.query('CREATE TABLE items (id int PRIMARY KEY, counter int NOT NULL DEFAULT 0)');
    const empty = { rows: 0, matching: 0, ranges: 0, sample: [] };
    expect(await target.start({ ...once, dryRun: true }).run()).toMatchObject(empty);
    await target.client.query('INSERT INTO items SELECT generate_series(1, 10)');
    const none = { rows: 10, matching: 0, ranges: 1, sample: [] };
    expect(await target.start({ ...once, where: 'counter = 9', dryRun: true }).run()).toMatchObject(none);
  });
});
