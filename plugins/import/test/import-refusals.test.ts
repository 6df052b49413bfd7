import { mkdir, rm, symlink, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openImportTarget, sampleCsv, type ImportTarget } from './import-target.ts';

let target: ImportTarget;
let items: string;

beforeAll(async () => {
  target = await openImportTarget();
  items = await target.write('items.csv', '1,a,2\n');
  await target.client.query(`CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT CREATE ON DATABASE postgres TO reader`);
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO reader');
  await target.client.query('DROP SCHEMA IF EXISTS longshore_effects CASCADE');
  await target.client.query('CREATE TABLE items (id int, note text, price numeric)');
});

function readerUrl(): string {
  const url = new URL(target.url);
  url.username = url.password = 'reader';
  return url.href;
}

interface Refusal {
  readonly setup?: string;
  readonly meta?: Record<string, unknown>;
  readonly content?: string | Buffer;
  readonly code: string;
  readonly says: string | RegExp;
}

const refused = (code: string, says: string | RegExp): object => ({
  code,
  permanent: true,
  message: expect.stringMatching(says) as unknown,
});

describe('an import is refused before anything is changed', () => {
  test.each<[string, Refusal]>([
    [
      'a table that does not exist',
      { meta: { table: 'nothing' }, code: 'IMPORT_TABLE_MISSING', says: /no table nothing/ },
    ],
    [
      'a table whose name needs quotes',
      {
        setup: 'CREATE TABLE "Orders" (id int)',
        meta: { table: 'Orders' },
        code: 'IMPORT_TABLE_MISSING',
        says: /Is it public."Orders"/,
      },
    ],
    [
      'a name that is none',
      { meta: { table: 'a.b.c.d' }, code: 'IMPORT_TABLE_MISSING', says: /is no valid table name/ },
    ],
    [
      'a schema that does not exist',
      { meta: { table: 'no.items' }, code: 'IMPORT_TABLE_MISSING', says: /Is it public.items/ },
    ],
    [
      'a view',
      { setup: 'CREATE VIEW v AS SELECT 1', meta: { table: 'v' }, code: 'IMPORT_TABLE_UNSUPPORTED', says: /is a view/ },
    ],
    [
      'a table with rows',
      { setup: 'INSERT INTO items VALUES (1)', code: 'IMPORT_TABLE_NOT_EMPTY', says: /public.items has rows/ },
    ],
    [
      'a partitioned table with a row in a partition',
      {
        setup:
          'CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1)',
        meta: { table: 'p' },
        code: 'IMPORT_TABLE_NOT_EMPTY',
        says: /public.p has rows/,
      },
    ],
    [
      'a column that does not exist',
      { meta: { columns: ['id', 'Note'] }, code: 'IMPORT_COLUMN_MISSING', says: /"Note".*It has: id, note, price/ },
    ],
    [
      'a column in the header that does not exist',
      {
        meta: { header: true },
        content: 'id,cost\n',
        code: 'IMPORT_COLUMN_MISSING',
        says: /"cost".*header of .*bad\.csv/,
      },
    ],
    [
      'a generated column',
      {
        setup: 'ALTER TABLE items ADD twice int GENERATED ALWAYS AS (id * 2) STORED',
        meta: { columns: ['twice'] },
        code: 'IMPORT_COLUMN_GENERATED',
        says: /twice/,
      },
    ],
    [
      'a table without columns',
      {
        setup: 'CREATE TABLE bare ()',
        meta: { table: 'bare' },
        code: 'IMPORT_COLUMN_MISSING',
        says: /no column to load/,
      },
    ],
    [
      'a column that is listed twice',
      { meta: { columns: ['id', 'id'] }, code: 'IMPORT_HEADER_INVALID', says: /"id" twice/ },
    ],
    [
      'an empty name in the header',
      { meta: { header: true }, content: 'id,,note\n', code: 'IMPORT_HEADER_INVALID', says: /empty name/ },
    ],
    [
      'a header that is expected of an empty file',
      { meta: { header: true }, content: '', code: 'IMPORT_HEADER_MISSING', says: /bad\.csv/ },
    ],
    [
      'a header that does not end within a megabyte',
      {
        meta: { header: true },
        content: `${'x'.repeat(1024 * 1024)}\n1\n`,
        code: 'IMPORT_HEADER_TOO_LONG',
        says: /bad\.csv/,
      },
    ],
    [
      'a header in another encoding',
      {
        meta: { header: true },
        content: Buffer.from('id,gr\xf6\xdfe\n', 'latin1'),
        code: 'IMPORT_HEADER_ENCODING_INVALID',
        says: /bad\.csv/,
      },
    ],
    [
      'a header that never ends',
      { meta: { header: true }, content: '"id\n1\n', code: 'IMPORT_UNTERMINATED_QUOTE', says: /bad\.csv/ },
    ],
    [
      'header and columns together',
      { meta: { header: true, columns: ['id'] }, code: 'IMPORT_META_INVALID', says: /not both/ },
    ],
    [
      'a dialect that contradicts itself',
      { meta: { delimiter: '"' }, code: 'IMPORT_META_INVALID', says: /must differ/ },
    ],
  ])('%s', async (_, { setup, meta, content, code, says }) => {
    if (setup !== undefined) await target.client.query(setup);
    const files = content === undefined ? items : await target.write('bad.csv', content);
    await expect(target.start({ table: 'items', files, ...meta }).prepare()).rejects.toMatchObject(refused(code, says));
  });

  test.each([
    ['no grant at all', '', /lacks SELECT on table public.items/],
    ['no way to take rows back', 'GRANT SELECT, INSERT ON items TO reader', /TRUNCATE \(or DELETE\)/],
    ['no INSERT', 'GRANT SELECT, DELETE ON items TO reader', /lacks INSERT on column id/],
    ['no INSERT on one column', 'GRANT SELECT, DELETE, INSERT (id, note) ON items TO reader', /column price/],
  ])('a role with %s', async (_, grant, says) => {
    await target.client.query(grant);
    const run = target.start({ table: 'items', files: items }, { url: readerUrl() });
    await expect(run.prepare()).rejects.toMatchObject(refused('IMPORT_NO_PRIVILEGE', says));
  });

  test('a role to which a policy applies', async () => {
    await target.client.query('GRANT ALL ON items TO reader; ALTER TABLE items ENABLE ROW LEVEL SECURITY');
    const run = target.start({ table: 'items', files: items }, { url: readerUrl() });
    await expect(run.prepare()).rejects.toMatchObject(refused('IMPORT_TABLE_UNSUPPORTED', /row-level security/));
  });

  test('a table that refers to itself, unless it is loaded by one COPY', async () => {
    await target.client.query('CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree)');
    const a = await target.write('tree-a.csv', '1,2\n2,1\n');
    const b = await target.write('tree-b.csv', '3,1\n');
    const two = target.start({ table: 'tree', files: [a, b] });
    await expect(two.prepare()).rejects.toMatchObject(refused('IMPORT_TABLE_UNSUPPORTED', /tree_parent_fkey/));
    expect(await target.start({ table: 'tree', files: a }).run()).toMatchObject({ rows: 2 });
  });

  test('files with different headers', async () => {
    const a = await target.write('head-a.csv', 'id,note\n');
    const b = await target.write('head-b.csv', 'id,price\n');
    const c = await target.write('head-c.csv', 'id\n');
    const differ = (files: string[]) => target.start({ table: 'items', files, header: true }).prepare();
    await expect(differ([a, b])).rejects.toMatchObject(refused('IMPORT_HEADER_DIFFERS', /head-b.csv.*2nd is "price"/));
    await expect(differ([a, c])).rejects.toMatchObject(refused('IMPORT_HEADER_DIFFERS', /head-c.csv.*1 columns/));
  });

  test('more files than a meta can list', async () => {
    const folder = join(target.folder, 'f'.repeat(200));
    await mkdir(folder);
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => target.write(`${'f'.repeat(200)}/${i}.csv`, '')));
    const run = target.start({ table: 'items', files: `${folder}/*` });
    await expect(run.prepare()).rejects.toMatchObject(refused('IMPORT_TOO_MANY_FILES', /1000 files/));
  });

  // A folder of millions is not read to its end, to be refused then.
  test('more files than any meta can list, as soon as they are too many', async () => {
    const folder = join(target.folder, 'many');
    await mkdir(folder);
    await Promise.all(Array.from({ length: 5_042 }, (_, i) => target.write(`many/${i}`, '')));
    const run = target.start({ table: 'items', files: `${folder}/*` });
    await expect(run.prepare()).rejects.toMatchObject(refused('IMPORT_TOO_MANY_FILES', /more than 5041 files/));
  });
});

describe('a file that changes after the import began is refused', () => {
  test.each([
    ['it was written to', (path: string) => utimes(path, 0, 0)],
    ['it became shorter', (path: string) => truncate(path, 1_000)],
  ])('%s', async (_, change) => {
    const files = await target.write('changing.csv', sampleCsv(2_000));
    const run = target.start({ table: 'items', files, chunkBytes: 65_536 });
    await run.prepare();
    const [scan] = await run.plan('scan');
    await run.runStep('scan');
    const [chunk] = await run.plan('load');
    await change(files);
    // Retry isn't offered: it could never load the new file in this run. As nothing is loaded, it may begin anew.
    const details = { retryInVain: true, nothingDone: true };
    const changed = { ...refused('IMPORT_FILE_CHANGED', /changing\.csv/), details };
    await expect(run.runSubtask('scan', scan!)).rejects.toMatchObject(changed);
    await expect(run.runSubtask('load', chunk!)).rejects.toMatchObject(changed);
    expect((await target.client.query('SELECT * FROM items')).rows).toEqual([]);
  });

  test('and when some of it is loaded, that is said: a retry must not take it back', async () => {
    const files = await target.write('half.csv', sampleCsv(2_000));
    const run = target.start({ table: 'items', files, chunkBytes: 65_536 });
    await run.prepare();
    await run.runStep('scan');
    const [first, second] = await run.plan('load');
    await run.runSubtask('load', first!);
    await utimes(files, 0, 0);
    const error: unknown = await run.runSubtask('load', second!).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'IMPORT_FILE_CHANGED', details: { retryInVain: true } });
    expect(error).not.toHaveProperty('details.nothingDone');
  });

  test.each([
    ['it is cut off', (path: string) => truncate(path, 1_000_000), 'IMPORT_FILE_TRUNCATED'],
    ['it is written to', (path: string) => utimes(path, 0, 0), 'IMPORT_FILE_CHANGED'],
  ])('while it is sent: %s', async (_, change, code) => {
    const files = await target.write('sent.csv', sampleCsv(20_000));
    const run = target.start({ table: 'items', files, chunkBytes: 2 ** 28 });
    await run.prepare();
    const [chunk] = await run.plan('load');
    let changing: Promise<void> | undefined;
    const onProgress = (): void => void (changing ??= change(files));
    await expect(run.runSubtask('load', chunk!, { onProgress })).rejects.toMatchObject(refused(code, /sent\.csv/));
    await changing;
    expect((await target.client.query('SELECT * FROM items')).rows).toEqual([]);
  });

  test('it became a link', async () => {
    const files = await target.write('real.csv', '1,,\n');
    const run = target.start({ table: 'items', files });
    await run.prepare();
    const moved = await target.write('moved.csv', '1,,\n');
    await rm(files);
    await symlink(moved, files);
    const [chunk] = await run.plan('load');
    await expect(run.runSubtask('load', chunk!)).rejects.toMatchObject(refused('IMPORT_FILE_CHANGED', /link/));
  });

  test('another node does not have it, or may not read it', async () => {
    const files = await target.write('local.csv', '1,,\n');
    const run = target.start({ table: 'items', files });
    await run.prepare();
    const [chunk] = await run.plan('load');
    run.roots = ['/data'];
    await expect(run.runSubtask('load', chunk!)).rejects.toMatchObject(
      refused('IMPORT_FILE_FORBIDDEN', /Allowed are \/data/),
    );
  });
});
