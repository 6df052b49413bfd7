import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openImportTarget, type ImportTarget } from './import-target.ts';

/** What becomes of a file's content, where a program that wrote it and its reader may disagree. */

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
});

const rowsIn = async (table: string): Promise<unknown[]> =>
  (await target.client.query<{ row: unknown }>(`SELECT to_jsonb(t) AS row FROM ${table} AS t ORDER BY 1`)).rows.map(
    ({ row }) => row,
  );

describe('quotes of TSV are data', () => {
  const lines = ['1\tsaid "hi" loudly', '2\t"', '3\t""', '4\t12" by 3"', "5\t'", '6\t', '7\ta, b'];
  const values = ['said "hi" loudly', '"', '""', '12" by 3"', "'", null, 'a, b'];

  test.each([
    ['in one chunk', 1],
    ['in many', 3_000],
  ])('%s', async (_, times) => {
    const content = `${Array.from({ length: times }, () => lines)
      .flat()
      .join('\n')}\n`;
    await target.client.query('CREATE TABLE t (id int, note text)');
    const files = await target.write('in.tsv', content);
    await target.start({ table: 't', files, format: 'tsv', chunkBytes: CHUNK_BYTES }).run();
    const counted = await target.client.query('SELECT id, note, count(*)::int FROM t GROUP BY 1, 2 ORDER BY 1');
    expect(counted.rows).toEqual(values.map((note, i) => ({ id: i + 1, note, count: times })));
  });

  test('a file with the character that stands for none is refused with its line', async () => {
    await target.client.query('CREATE TABLE t (id int, note text)');
    const files = await target.write('in.tsv', '1\ta\n2\tb\x7f\n');
    await expect(target.start({ table: 't', files, format: 'tsv' }).run()).rejects.toMatchObject({
      code: 'IMPORT_CONTROL_CHARACTER',
      permanent: true,
      message: expect.stringMatching(/line 2/) as unknown,
    });
    expect(await target.start({ table: 't', files, format: 'tsv', quote: '"' }).run()).toMatchObject({ rows: 2 });
  });

  test('an escape without a quote is refused', async () => {
    await target.client.query('CREATE TABLE t (id int)');
    const run = target.start({ table: 't', files: await target.write('in.tsv', '1\n'), format: 'tsv', escape: '\\' });
    await expect(run.prepare()).rejects.toMatchObject({ code: 'IMPORT_META_INVALID' });
  });
});

describe('two stray quotes far apart', () => {
  const stray = (from: number, to: number, rows: number): string =>
    Array.from({ length: rows }, (_, i) => `${i + 1},value${i === from || i === to ? '"' : ''}\n`).join('');

  test.each([
    ['in one chunk', stray(10, 4_578, 5_000), 16 * 2 ** 20],
    ['over chunks', stray(10, 14_578, 16_000), CHUNK_BYTES],
    ['within one of many chunks', stray(10, 1_500, 16_000), CHUNK_BYTES],
    ['to the last line', stray(10, 4_999, 5_000).trimEnd(), 16 * 2 ** 20],
    ['with CRLF', stray(10, 4_578, 5_000).replaceAll('\n', '\r\n'), CHUNK_BYTES],
  ])('are refused with the line of the first, %s', async (_, content, chunkBytes) => {
    await target.client.query('CREATE TABLE t (id int, note text)');
    const files = await target.write('in.csv', content);
    await expect(target.start({ table: 't', files, chunkBytes }).run()).rejects.toMatchObject({
      code: 'IMPORT_RECORD_TOO_LONG',
      permanent: true,
      message: expect.stringMatching(/maxRecordLines.*\(line 11, byte/) as unknown,
    });
    expect(await rowsIn('t')).toEqual([]);
  });

  test('and a text of as many lines is loaded on request', async () => {
    await target.client.query('CREATE TABLE t (id int, note text)');
    const text = 'line\n'.repeat(4_000);
    const files = await target.write('in.csv', `1,"${text}"\n2,b\n`);
    expect(await target.start({ table: 't', files, maxRecordLines: 4_001 }).run()).toMatchObject({ rows: 2 });
    expect(await rowsIn('t')).toEqual([
      { id: 1, note: text },
      { id: 2, note: 'b' },
    ]);
  });
});

describe('a file that is no text in UTF-8 says what it is', () => {
  const csv = 'id,note\n1,a\n2,b\n';
  test.each<readonly [string, Buffer, RegExp]>([
    ['gzip', gzipSync(csv), /compressed with gzip.*gunzip/],
    ['zip', Buffer.from('PK\x03\x04\x14\0\0\0'), /zip archive or a workbook/],
    ['UTF-16LE', Buffer.from(`\ufeff${csv}`, 'utf16le'), /in UTF-16LE.*iconv/],
    ['UTF-16LE without a mark', Buffer.from(csv, 'utf16le'), /UTF-16LE without a byte order mark.*iconv -f UTF-16LE/],
    ['UTF-16BE without a mark', Buffer.from(csv, 'utf16le').swap16(), /UTF-16BE without a byte order mark/],
    ['Parquet', Buffer.from('PAR1\x15\x04\x15'), /Parquet/],
  ])('%s', async (_, content, says) => {
    await target.client.query('CREATE TABLE t (id int, note text)');
    const files = await target.write('in.csv', content);
    for (const header of [false, true]) {
      await expect(target.start({ table: 't', files, header }).prepare()).rejects.toMatchObject({
        code: 'IMPORT_FILE_NOT_TEXT',
        permanent: true,
        message: expect.stringMatching(says) as unknown,
      });
    }
  });

  test('and one that only begins like one is loaded', async () => {
    await target.client.query('CREATE TABLE t ("PAR1" text, b text)');
    const files = await target.write('in.csv', 'PAR1,b\nBZh,x\n');
    expect(await target.start({ table: 't', files, header: true }).run()).toMatchObject({ rows: 1 });
  });
});

describe('values that were taken from the file', () => {
  test.each([
    ['an identity', 'id int GENERATED BY DEFAULT AS IDENTITY'],
    ['an identity that is always generated', 'id bigint GENERATED ALWAYS AS IDENTITY'],
    ['a serial', 'id serial'],
    ['a falling one', 'id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1 MAXVALUE 100 START 100)'],
  ])('%s comes with the setval that keeps the next INSERT from failing', async (_, column) => {
    await target.client.query(`CREATE TABLE t (${column} PRIMARY KEY, note text)`);
    const files = await target.write('in.csv', Array.from({ length: 100 }, (_, i) => `${i + 1},a\n`).join(''));
    const run = target.start({ table: 't', files });
    const result = (await run.run()) as { sequencesBehind?: { column: string; setval: string }[] };
    expect(result).toMatchObject({ rows: 100, sequencesBehind: [{ column: 'id' }] });
    expect(run.logged.join('\n')).toMatch(/next INSERT/);
    const insert = `INSERT INTO t (note) VALUES ('next')`;
    await expect(target.client.query(insert)).rejects.toThrow(/duplicate key/);
    await target.client.query(result.sequencesBehind?.[0]?.setval ?? '');
    await target.client.query(insert);
  });

  test('of a shared sequence that is ahead say nothing', async () => {
    await target.client.query(
      `CREATE SEQUENCE "Shared.ids"; SELECT setval('"Shared.ids"', 500);
       CREATE TABLE t (id int DEFAULT nextval('"Shared.ids"'), note text)`,
    );
    const files = await target.write('in.csv', '7,a\n');
    expect(await target.start({ table: 't', files }).run()).not.toHaveProperty('sequencesBehind');
  });

  test('of a shared sequence that is behind name it', async () => {
    await target.client.query(
      `CREATE SEQUENCE "Shared.ids"; CREATE TABLE t (id int DEFAULT nextval('"Shared.ids"'), note text)`,
    );
    const files = await target.write('in.csv', '7,a\n');
    expect(await target.start({ table: 't', files }).run()).toMatchObject({
      sequencesBehind: [{ column: 'id', setval: `SELECT setval('public."Shared.ids"', 7)` }],
    });
  });
});

test.each([
  ['dmy', '2026-01-02'],
  ['mdy', '2026-02-01'],
  [undefined, '2026-02-01'],
])('dates are read in the order %s', async (dateOrder, made) => {
  await target.client.query('CREATE TABLE t (made date)');
  const files = await target.write('in.csv', '02/01/2026\n');
  await target.start({ table: 't', files, ...(dateOrder !== undefined && { dateOrder }) }).run();
  expect(await rowsIn('t')).toEqual([{ made }]);
});

test('a table of 1,600 columns with long names is loaded by its header', async () => {
  const names = Array.from({ length: 1_600 }, (_, i) => `${'n'.repeat(52)}_${String(i).padStart(4, '0')}`);
  await target.client.query(`CREATE TABLE t (${names.map((name) => `${name} bool`).join(', ')})`);
  const files = await target.write('in.csv', `${names.toReversed().join(',')}\n${names.map(() => 't').join(',')}\n`);
  expect(await target.start({ table: 't', files, header: true }).run()).toMatchObject({ rows: 1 });
});
