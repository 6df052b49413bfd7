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

/** How often each number of changes occurs, as `counter:rows`. */
async function counters(table = 'items'): Promise<readonly string[]> {
  const found = await target.client.query<{ text: string }>(
    `SELECT counter || ':' || count(*) AS text FROM ${table} GROUP BY counter ORDER BY counter`,
  );
  return found.rows.map(({ text }) => text);
}

const once = { table: 'items', set: { counter: 'counter + 1' } };

describe('a backfill changes every row once', () => {
  test('of a table in several ranges and batches', async () => {
    await target.client.query(
      'CREATE TABLE items (id bigint PRIMARY KEY, counter int NOT NULL DEFAULT 0); INSERT INTO items SELECT generate_series(1, 20000)',
    );
    const run = target.start({ ...once, rangeRows: 5_000, maxBatchRows: 700 });
    const result = await run.run();
    expect(result).toMatchObject({ dryRun: false, rows: 20_000, ranges: 5, throughKey: '20000', remaining: null });
    expect(await counters()).toEqual(['1:20000']);
    expect(run.progress.rows).toBe(20_000);
  });

  test.each([
    ['smallint', 'generate_series(-100, 100)', 201],
    ['integer', 'generate_series(-3, 2000) * 1000', 2004],
    ['bigint', 'generate_series(1, 1000)::bigint * 9000000000000000', 1000],
    ['uuid', 'gen_random_uuid() FROM generate_series(1, 3000)', 3000],
  ])('with a key of type %s', async (type, keys, rows) => {
    await target.client.query(
      `CREATE TABLE items (id ${type} PRIMARY KEY, counter int NOT NULL DEFAULT 0); INSERT INTO items SELECT ${keys}`,
    );
    const run = target.start({ ...once, rangeRows: 500, maxBatchRows: 100 });
    expect(await run.run()).toMatchObject({ rows });
    expect(await counters()).toEqual([`1:${rows}`]);
  });

  test('of an empty table', async () => {
    await target.client.query('CREATE TABLE items (id uuid PRIMARY KEY, counter int NOT NULL DEFAULT 0)');
    expect(await target.start(once).run()).toEqual({
      dryRun: false,
      rows: 0,
      batches: 0,
      ranges: 1,
      throughKey: null,
      remaining: null,
    });
  });

  test('of a partitioned table', async () => {
    await target.client.query(
      `CREATE TABLE items (id int PRIMARY KEY, counter int NOT NULL DEFAULT 0) PARTITION BY HASH (id);
       CREATE TABLE items_0 PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE items_1 PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       INSERT INTO items SELECT generate_series(1, 3000)`,
    );
    expect(await target.start({ ...once, rangeRows: 1_000, maxBatchRows: 300 }).run()).toMatchObject({ rows: 3_000 });
    expect(await counters()).toEqual(['1:3000']);
  });
});

describe('where', () => {
  test('chooses the rows, and the result says that none remains', async () => {
    await target.client.query(
      `CREATE TABLE items (id int PRIMARY KEY, total int, price int, counter int NOT NULL DEFAULT 0);
       INSERT INTO items SELECT n, CASE WHEN n % 3 = 0 THEN 7 END, n FROM generate_series(1, 3000) AS n`,
    );
    const meta = {
      table: 'public.items',
      set: { total: 'items.price * 2 -- doubled', counter: 'counter + 1' },
      where: 'total IS NULL -- not yet',
      rangeRows: 1_000,
    };
    expect(await target.start(meta).run()).toMatchObject({ rows: 2_000, remaining: 0 });
    expect(await counters()).toEqual(['0:1000', '1:2000']);
    const wrong = await target.client.query(
      'SELECT FROM items WHERE total <> CASE WHEN id % 3 = 0 THEN 7 ELSE price * 2 END',
    );
    expect(wrong.rowCount).toBe(0);
  });
});
