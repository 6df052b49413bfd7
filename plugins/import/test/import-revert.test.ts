import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ImportRun } from './import-run.ts';
import { openImportTarget, sampleCsv, type ImportTarget } from './import-target.ts';

let target: ImportTarget;

beforeAll(async () => {
  target = await openImportTarget();
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.client.query(
    'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS longshore_effects CASCADE',
  );
  await target.client.query('CREATE TABLE items (id int PRIMARY KEY, note text, price numeric)');
});

/** An import of several chunks that was loaded. */
async function load(table = 'items'): Promise<ImportRun> {
  const files = await target.write('items.csv', sampleCsv(1_000));
  const run = target.start({ table, files, chunkBytes: 65_536 });
  await run.run();
  return run;
}

const count = async (table = 'items'): Promise<number> =>
  Number((await target.client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]!.n);

const refusal = (says: RegExp): object => ({
  code: 'IMPORT_REVERT_REFUSED',
  permanent: true,
  message: expect.stringMatching(says) as unknown,
});

describe('a revert empties the table', () => {
  test('and can be repeated, and the import can run again', async () => {
    const run = await load();
    await run.revert();
    expect(await count()).toBe(0);
    await run.revert();
    await load();
    expect(await count()).toBe(1_000);
  });

  test('after a part of the chunks was loaded', async () => {
    const files = await target.write('items.csv', sampleCsv(1_000));
    const run = target.start({ table: 'items', files, chunkBytes: 65_536 });
    await run.prepare();
    await run.runStep('scan');
    const [first] = await run.plan('load');
    await run.runSubtask('load', first!);
    await run.revert();
    expect(await count()).toBe(0);
  });

  test('of rows that were frozen or locked meanwhile', async () => {
    const run = await load();
    await target.client.query('VACUUM FREEZE items');
    await target.client.query('BEGIN; SELECT FROM items FOR UPDATE; COMMIT');
    await run.revert();
    expect(await count()).toBe(0);
  });

  test('that is partitioned', async () => {
    await target.client.query(
      `CREATE TABLE parted (LIKE items) PARTITION BY RANGE (id);
       CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
       CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (10) TO (2000)`,
    );
    const run = await load('parted');
    await target.client.query(`INSERT INTO parted_high VALUES (1500)`);
    await expect(run.revert()).rejects.toMatchObject(refusal(/parted_high has rows of others/));
    expect(await count('parted')).toBe(1_001);
    await target.client.query(`DELETE FROM parted WHERE id = 1500`);
    await run.revert();
    expect(await count('parted')).toBe(0);
  });

  test('row by row where a foreign key points to it', async () => {
    await target.client.query('CREATE TABLE uses (item int REFERENCES items ON DELETE CASCADE)');
    const run = await load();
    await target.client.query('INSERT INTO uses VALUES (7), (NULL)');
    await expect(run.revert()).rejects.toMatchObject(refusal(/rows of uses refer to them/));
    expect(await count()).toBe(1_000);
    await target.client.query('DELETE FROM uses WHERE item = 7');
    await run.revert();
    expect([await count(), await count('uses')]).toEqual([0, 1]);
  });

  test('but not those that inherit from it', async () => {
    await target.client.query('CREATE TABLE child () INHERITS (items)');
    const run = await load();
    await target.client.query('INSERT INTO child VALUES (1)');
    await run.revert();
    expect([await count('ONLY items'), await count('child')]).toEqual([0, 1]);
  });
});

describe('a revert deletes nothing and says so', () => {
  test.each([
    ['a row was added', `INSERT INTO items VALUES (5000)`, 1_001],
    ['a row was changed', `UPDATE items SET note = 'mine' WHERE id = 7`, 1_000],
    ['a row was added in place of another one', `DELETE FROM items WHERE id = 7; INSERT INTO items VALUES (7)`, 1_000],
  ])('when %s', async (_, change, rows) => {
    const run = await load();
    await target.client.query(change);
    await expect(run.revert()).rejects.toMatchObject(refusal(/Nothing was deleted from public\.items.*ctid/));
    expect(await count()).toBe(rows);
  });

  test('and a retry finishes when the others are gone', async () => {
    const run = await load();
    await target.client.query(`INSERT INTO items VALUES (5000)`);
    await expect(run.revert()).rejects.toMatchObject(refusal(/items/));
    await target.client.query('DELETE FROM items WHERE id = 5000');
    await run.revert();
    expect(await count()).toBe(0);
  });

  test("when the ledger's ids are not this server's: their lower halves may be those of its rows by chance", async () => {
    const run = await load();
    await target.client.query(
      'UPDATE longshore_effects.ledger SET transaction_id = (transaction_id::text::numeric + 4294967296)::text::xid8',
    );
    await expect(run.revert()).rejects.toMatchObject(refusal(/transaction ids/));
    expect(await count()).toBe(1_000);
  });
});

describe('a revert has nothing to do', () => {
  test('when the import was refused, whatever the table holds, and without a connection', async () => {
    await target.client.query('INSERT INTO items VALUES (1)');
    const run = target.start(
      { table: 'items', files: await target.write('a.csv', '1,,\n') },
      { url: 'postgres://127.0.0.1:1/no' },
    );
    await run.revert();
    expect(await count()).toBe(1);
  });

  test('when nothing was loaded yet: rows of others are none of its business', async () => {
    const run = target.start({ table: 'items', files: await target.write('a.csv', '1,,\n') });
    await run.prepare();
    await target.client.query('INSERT INTO items VALUES (1)');
    await run.revert();
    expect(await count()).toBe(1);
  });

  test('when the table is gone', async () => {
    const run = await load();
    await target.client.query('DROP TABLE items');
    await run.revert();
    expect(run.logged).toContain('the table and its rows do not exist any more');
  });
});

test('a revert waits for other sessions for some time only, and is tried again', async () => {
  const run = await load();
  const other = await target.connect();
  try {
    await other.query('BEGIN; SELECT FROM items LIMIT 1');
    await expect(run.revert()).rejects.toMatchObject({ code: 'IMPORT_TABLE_BUSY', permanent: false });
    expect(await count()).toBe(1_000);
  } finally {
    await other.end();
  }
  await run.revert();
  expect(await count()).toBe(0);
});

test('a revert waits for a late attempt, and takes back what it committed', async () => {
  const files = await target.write('items.csv', sampleCsv(1_000));
  const run = target.start({ table: 'items', files, chunkBytes: 65_536 });
  await run.prepare();
  await run.runStep('scan');
  const [first, second] = await run.plan('load');
  await run.runSubtask('load', first!);
  // The late attempt has its ledger's row, and its COPY waits for us.
  await target.client.query('BEGIN; LOCK TABLE items IN SHARE MODE');
  const poll = (query: string) => expect.poll(async () => (await target.client.query(query)).rowCount);
  const late = run.runSubtask('load', second!);
  await poll('SELECT FROM pg_locks WHERE NOT granted').toBe(1);
  const reverting = run.revert();
  // It has closed the fence, and waits for the late attempt, which is in.
  await poll('SELECT FROM longshore_effects.fence WHERE NOT is_open').toBe(1);
  await target.client.query('COMMIT');
  await late;
  await reverting;
  expect(await count()).toBe(0);
});
