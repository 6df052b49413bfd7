import { readFile } from 'node:fs/promises';
import { defineBackfill, backfillTuning } from '../src/index.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openBackfillTarget, type BackfillTarget } from './backfill-target.ts';
import slugBackfill from './example/slug-backfill.ts';

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

describe('the example', () => {
  test('is the one of the documentation', async () => {
    const page = await readFile(new URL('../../../docs/backfill.md', import.meta.url), 'utf8');
    const source = await readFile(new URL('./example/slug-backfill.ts', import.meta.url), 'utf8');
    const shown = /```ts\n([^]*?)```/.exec(page)?.[1];
    expect(shown).toBe(source.replace('../../src/index.ts', '@longshore/plugin-backfill'));
  });

  beforeEach(async () => {
    await target.client.query(
      `CREATE TABLE articles (id bigint PRIMARY KEY, title text NOT NULL, slug text UNIQUE);
       INSERT INTO articles SELECT n, 'Über Nr. ' || n, CASE WHEN n % 10 = 0 THEN 'kept-' || n END FROM generate_series(1, 1000) AS n`,
    );
  });

  test('changes every row that matches', async () => {
    const result = await target.start({ maxBatchRows: 150 }, { type: slugBackfill }).run();
    expect(result).toMatchObject({ rows: 900, remaining: 0 });
    const { rows } = await target.client.query('SELECT slug FROM articles WHERE id IN (9, 10) ORDER BY id');
    expect(rows).toEqual([{ slug: 'u-ber-nr-9' }, { slug: 'kept-10' }]);
  });

  test('shows in a dry run what its code does', async () => {
    expect(await target.start({ dryRun: true }, { type: slugBackfill }).run()).toMatchObject({
      matching: 900,
      sample: expect.arrayContaining([{ key: '1', before: { slug: null }, after: { slug: 'u-ber-nr-1' } }]),
    });
    expect((await target.client.query("SELECT FROM articles WHERE slug LIKE 'u-ber%'")).rowCount).toBe(0);
  });

  test('names the row that a constraint refuses, after those before it are done', async () => {
    await target.client.query("UPDATE articles SET slug = 'u-ber-nr-77' WHERE id = 1000");
    const run = target.start({}, { type: slugBackfill });
    await expect(run.run()).rejects.toMatchObject({
      code: 'BACKFILL_ROW_REFUSED',
      details: { key: '77', constraint: 'articles_slug_key' },
    });
    const { rows } = await target.client.query(
      "SELECT max(id) AS last FROM articles WHERE slug LIKE 'u-ber%' AND id < 1000",
    );
    expect(rows).toEqual([{ last: '76' }]);
  });
});

describe('a backfill in TypeScript', () => {
  const addRegion = defineBackfill({
    type: 'add-region',
    version: '1.0.0',
    meta: z.strictObject({ ...backfillTuning, region: z.string(), table: z.string() }),
    table: ({ table }) => table,
    columns: ['Id', 'counter'],
    where: ({ region }) => `region <> '${region}'`,
    batch: async (rows, { client, task }) => {
      for (const row of rows) {
        await client.query('UPDATE "Places" SET region = $2, counter = $3 WHERE "Id" = $1', [
          row['Id'],
          task.meta.region,
          Number(row['counter']) + 1,
        ]);
      }
    },
  });

  beforeEach(async () => {
    await target.client.query(
      `CREATE TABLE "Places" ("Id" int PRIMARY KEY, region text NOT NULL, counter int NOT NULL DEFAULT 0);
       INSERT INTO "Places" SELECT n, 'none' FROM generate_series(1, 200) AS n`,
    );
  });

  test('takes a meta of its own, and writes what it wants', async () => {
    const run = target.start({ region: 'eu', table: '"Places"', maxBatchRows: 60 }, { type: addRegion });
    expect(await run.run()).toMatchObject({ rows: 200, remaining: 0 });
    const { rows } = await target.client.query('SELECT DISTINCT region, counter FROM "Places"');
    expect(rows).toEqual([{ region: 'eu', counter: 1 }]);
  });

  test('gets rows that nobody can change until it has committed', async () => {
    const other = await target.connect();
    const locked = defineBackfill({
      type: 'locked',
      version: '1.0.0',
      table: '"Places"',
      columns: ['Id'],
      batch: async () => {
        await other.query("SET lock_timeout = '10ms'");
        await expect(other.query('UPDATE "Places" SET counter = 7 WHERE "Id" = 1')).rejects.toMatchObject({
          code: '55P03',
        });
      },
    });
    expect(await target.start({}, { type: locked }).run()).toMatchObject({ rows: 200, batches: 1 });
  });

  test.each([
    ['a column that there is not', { columns: ['id'] }, 'BACKFILL_COLUMN_MISSING'],
    ['a predicate that is none', { where: 'region' }, 'BACKFILL_EXPRESSION_INVALID'],
    ['a table that there is not', { table: 'places' }, 'BACKFILL_TABLE_MISSING'],
  ])('is refused for %s', async (_, wrong, code) => {
    const type = defineBackfill({
      type: 'wrong',
      version: '1.0.0',
      table: '"Places"',
      columns: ['Id'],
      batch: () => Promise.resolve(),
      ...wrong,
    });
    await expect(target.start({}, { type }).prepare()).rejects.toMatchObject({ code, permanent: true });
  });
});
