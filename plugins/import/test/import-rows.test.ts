import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openImportTarget, sampleCsv, type ImportTarget } from './import-target.ts';

const CHUNK_BYTES = 64 * 1024;

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
  await target.client.query('CREATE TABLE items (id int, note text, price numeric)');
});

const rowsIn = async (table: string): Promise<Record<string, unknown>[]> =>
  (await target.client.query<Record<string, unknown>>(`SELECT * FROM ${table} ORDER BY 1`)).rows;

/** What Postgres itself makes of the file. */
async function copyWhole(content: string | Buffer, table: string, options = 'FORMAT csv'): Promise<unknown[]> {
  await target.client.query(`CREATE TABLE whole (LIKE ${table})`);
  const stream = target.client.query(copyFrom(`COPY whole FROM STDIN WITH (${options})`));
  await pipeline(Readable.from([Buffer.from(content)], { objectMode: false }), stream);
  return rowsIn('whole');
}

describe('the rows of an import are those of one COPY', () => {
  test('of a file of many chunks, which were scanned first', async () => {
    const csv = sampleCsv(4_000);
    const files = await target.write('items.csv', csv);
    const run = target.start({ table: 'items', files, chunkBytes: CHUNK_BYTES });
    await run.prepare();
    expect((await run.runStep('scan')).length).toBeGreaterThan(1);
    const loaded = await run.runStep('load');
    expect(loaded.length).toBeGreaterThan(10);
    const [verified] = await run.runStep('verify');
    expect(verified!.result).toEqual({ tableRows: 4_000, ledgerRows: 4_000, chunks: loaded.length });
    expect(await run.done()).toEqual({ rows: 4_000, bytes: Buffer.byteLength(csv), files: 1, chunks: loaded.length });
    expect(await rowsIn('items')).toEqual(await copyWhole(csv, 'items'));
  });

  test('of a file of one chunk, which needs no scan', async () => {
    const csv = sampleCsv(50);
    const run = target.start({ table: 'items', files: await target.write('small.csv', csv) });
    await run.prepare();
    expect(await run.plan('scan')).toEqual([]);
    await run.runStep('load');
    await run.runStep('verify');
    expect(await rowsIn('items')).toEqual(await copyWhole(csv, 'items'));
    expect(run.progress).toEqual({ rows: 50, bytes: Buffer.byteLength(csv) });
  });

  test('of files with a header in another order than the table, a byte order mark and CRLF', async () => {
    const csv = '\ufeffprice,"id"\r\n1.50,1\r\n"2",2\r\n';
    const run = target.start({ table: 'items', files: await target.write('headed.csv', csv), header: true });
    expect(await run.run()).toMatchObject({ rows: 2, files: 1, chunks: 1 });
    expect(await rowsIn('items')).toEqual([
      { id: 1, note: null, price: '1.50' },
      { id: 2, note: null, price: '2' },
    ]);
  });

  test('of a list of columns, another delimiter, quote, escape and NULL', async () => {
    const csv = "1;'a\\'b;'\n2;-\n";
    const files = await target.write('odd.csv', csv);
    const dialect = { delimiter: ';', quote: "'", escape: '\\', nullText: '-' };
    await target.start({ table: 'items', files, columns: ['id', 'note'], ...dialect }).run();
    expect(await rowsIn('items')).toEqual([
      { id: 1, note: "a'b;", price: null },
      { id: 2, note: null, price: null },
    ]);
  });

  test('of TSV with quotes', async () => {
    const files = await target.write('items.tsv', '1\ta, b\t2.5\n2\t"tab\there"\t\n');
    await target.start({ table: 'items', files, format: 'tsv', quote: '"' }).run();
    expect(await rowsIn('items')).toEqual([
      { id: 1, note: 'a, b', price: '2.5' },
      { id: 2, note: 'tab\there', price: null },
    ]);
  });
});

describe('files', () => {
  test('of a pattern, a path and a link are each loaded once, in order of their paths', async () => {
    const folder = join(target.folder, 'parts');
    await mkdir(join(folder, 'folder.csv'), { recursive: true });
    const [a, b] = [await target.write('parts/a.csv', '1,a,\n'), await target.write('parts/b [1].csv', '2,b,\n')];
    await target.write('parts/other.txt', 'no');
    await symlink(a, join(folder, 'link.csv'));
    const run = target.start({ table: 'items', files: [b, `${folder}/*.csv`, b] });
    expect(await run.run()).toMatchObject({ rows: 2, files: 2 });
    expect(run.meta.prepared!.files.map(({ path }) => path)).toEqual([a, b]);
  });

  test('that are empty load nothing', async () => {
    const run = target.start({ table: 'items', files: await target.write('empty.csv', '') });
    expect(await run.run()).toEqual({ rows: 0, bytes: 0, files: 1, chunks: 0 });
  });

  test('with nothing but a header load nothing', async () => {
    const run = target.start({ table: 'items', files: await target.write('head.csv', 'id,note'), header: true });
    expect(await run.run()).toEqual({ rows: 0, bytes: 0, files: 1, chunks: 1 });
  });
});

describe('tables', () => {
  test('with upper case and quotes in their names', async () => {
    await target.client.query(`CREATE SCHEMA "My Schema"; CREATE TABLE "My Schema"."It""ems" ("Id" int, "a;b" text)`);
    const files = await target.write('quoted.csv', 'a;b,Id\nx,1\n');
    const run = target.start({ table: '"My Schema"."It""ems"', files, header: true });
    await run.run();
    expect(run.meta.prepared).toMatchObject({ table: { name: '"My Schema"."It""ems"' }, columns: ['"a;b"', '"Id"'] });
    expect(await rowsIn('"My Schema"."It""ems"')).toEqual([{ Id: 1, 'a;b': 'x' }]);
    await run.revert();
    expect(await rowsIn('"My Schema"."It""ems"')).toEqual([]);
  });

  test('that are partitioned, with a generated column that the files leave out', async () => {
    await target.client.query(
      `CREATE TABLE parted (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, note text) PARTITION BY RANGE (id);
       CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
       CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (10) TO (20)`,
    );
    const run = target.start({ table: 'parted', files: await target.write('parted.csv', '1,a\n11,b\n') });
    expect(await run.run()).toMatchObject({ rows: 2 });
    expect(await rowsIn('parted_high')).toEqual([{ id: 11, twice: 22, note: 'b' }]);
  });

  test('with an identity column take the values of the files', async () => {
    await target.client.query('CREATE TABLE counted (id int GENERATED ALWAYS AS IDENTITY)');
    await target.start({ table: 'counted', files: await target.write('ids.csv', '7\n') }).run();
    expect(await rowsIn('counted')).toEqual([{ id: 7 }]);
  });
});

describe('exactly once', () => {
  test('a chunk that was committed is not loaded again, even when its file is gone', async () => {
    const files = await target.write('once.csv', '1,a,\n2,b,\n');
    const run = target.start({ table: 'items', files });
    await run.prepare();
    const [chunk] = await run.plan('load');
    const subtaskId = run.nextSubtaskId();
    const first = await run.runSubtask('load', chunk!, { subtaskId });
    run.roots = [];
    expect(await run.runSubtask('load', chunk!, { subtaskId })).toEqual(first);
    expect(await rowsIn('items')).toHaveLength(2);
    expect(run.progress).toEqual({ rows: 4, bytes: 20 });
  });

  test('an attempt that is stopped in the middle leaves nothing, and the next one loads all', async () => {
    // More than is on the way in buffers when the first piece has been sent.
    const csv = sampleCsv(60_000);
    const run = target.start({ table: 'items', files: await target.write('large.csv', csv), chunkBytes: 2 ** 28 });
    await run.prepare();
    const [chunk] = await run.plan('load');
    const abort = new AbortController();
    const reason = new Error('stopped by the test');
    const subtaskId = run.nextSubtaskId();
    const onProgress = (): void => abort.abort(reason);
    const stopped = run.runSubtask('load', chunk!, { subtaskId, signal: abort.signal, onProgress });
    await expect(stopped).rejects.toBe(reason);
    expect(run.progress.bytes).toBeLessThan(Buffer.byteLength(csv) / 2);
    expect(await rowsIn('items')).toEqual([]);
    await run.runSubtask('load', chunk!, { subtaskId });
    expect(await rowsIn('items')).toHaveLength(60_000);
  });

  test('a session that the server ends fails the attempt for now', async () => {
    const run = target.start({ table: 'items', files: await target.write('ended.csv', sampleCsv(2_000)) });
    await run.prepare();
    const [chunk] = await run.plan('load');
    await target.client.query('BEGIN; LOCK TABLE items');
    const loading = run.runSubtask('load', chunk!).catch((error: unknown) => error);
    const endWaiting = `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'items'::regclass AND NOT granted`;
    await expect.poll(async () => (await target.client.query(endWaiting)).rowCount).toBe(1);
    await target.client.query('COMMIT');
    const error = await loading;
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toHaveProperty('permanent', true);
    expect(await rowsIn('items')).toEqual([]);
  });
});

test.each([
  ['many chunks', 65_536],
  ['one chunk, which is not scanned before', 2 ** 28],
])('a budget is asked for every row and byte: %s', async (_, chunkBytes) => {
  const csv = sampleCsv(500);
  const run = target.start({ table: 'items', files: await target.write('items.csv', csv), chunkBytes });
  await run.run();
  expect(run.spent).toMatchObject({ rows: 500, bytes: Buffer.byteLength(csv) });
});
