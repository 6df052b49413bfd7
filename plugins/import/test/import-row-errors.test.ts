import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ImportRun } from './import-run.ts';
import { openImportTarget, type ImportTarget } from './import-target.ts';

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

/** Loads what loads, and gives the first error. */
async function failureOf(run: ImportRun): Promise<unknown> {
  try {
    await run.prepare();
    for (const step of ['scan', 'load', 'verify'] as const) await run.runStep(step);
    return null;
  } catch (error) {
    return error;
  }
}

interface BadRow {
  readonly table: string;
  readonly csv: string;
  readonly line: number | null;
  readonly lastLine?: number;
  readonly column: string | null;
  readonly sqlstate: string;
  readonly says: RegExp;
}

test.each<[string, BadRow]>([
  [
    'a value of another type',
    {
      table: 'id int, n int',
      csv: '1,2\n2,x\n',
      line: 2,
      column: 'n',
      sqlstate: '22P02',
      says: /line 2, column n: invalid input.*"x"/,
    },
  ],
  [
    'a value out of range',
    { table: 'id smallint', csv: '1\n70000\n', line: 2, column: 'id', sqlstate: '22003', says: /out of range/ },
  ],
  [
    'a field too few, behind a record of three lines',
    {
      table: 'id int, t text',
      csv: '1,"a\nb\nc"\n2\n',
      line: 4,
      column: null,
      sqlstate: '22P04',
      says: /line 4: missing data for column "t"/,
    },
  ],
  [
    'a field too many',
    { table: 'id int', csv: '1\n2,3\n', line: 2, column: null, sqlstate: '22P04', says: /extra data/ },
  ],
  [
    'a NULL in a NOT NULL column',
    {
      table: 'id int NOT NULL, t text',
      csv: '1,a\n,b\n',
      line: 2,
      column: 'id',
      sqlstate: '23502',
      says: /violates not-null/,
    },
  ],
  [
    'a value that a check refuses, in a record of two lines',
    {
      table: 'id int CHECK (id < 5), t text',
      csv: '1,\n9,"x\ny"\n',
      line: 2,
      lastLine: 3,
      column: null,
      sqlstate: '23514',
      says: /lines 2 to 3: .*violates check/,
    },
  ],
  [
    'a key that occurs twice',
    {
      table: 'id int PRIMARY KEY',
      csv: '1\n2\n1\n',
      line: 3,
      column: null,
      sqlstate: '23505',
      says: /duplicate key.*Key \(id\)=\(1\) already exists/,
    },
  ],
  [
    'bytes that are not UTF-8',
    {
      table: 'id int, t text',
      csv: '1,a\n2,\xff\n',
      line: 2,
      column: null,
      sqlstate: '22021',
      says: /invalid byte sequence/,
    },
  ],
  [
    'a row that no partition takes',
    {
      table: 'id int) PARTITION BY LIST (id',
      csv: '1\n',
      line: 1,
      column: null,
      sqlstate: '23514',
      says: /no partition/,
    },
  ],
  [
    'a reference to nothing, which is checked at the end',
    {
      table: 'id int REFERENCES other',
      csv: '1\n2\n',
      line: null,
      column: null,
      sqlstate: '23503',
      says: /in the 2 records from line 1 on: .*foreign key/,
    },
  ],
  [
    'a reference to nothing, which is checked at the commit',
    {
      table: 'id int REFERENCES other DEFERRABLE INITIALLY DEFERRED',
      csv: '1\n',
      line: null,
      column: null,
      sqlstate: '23503',
      says: /foreign key/,
    },
  ],
])('%s fails the import with file, line, column and reason', async (_, row) => {
  await target.client.query('CREATE TABLE other (id int PRIMARY KEY)');
  await target.client.query(`CREATE TABLE bad (${row.table})`);
  const files = await target.write('bad.csv', Buffer.from(row.csv, 'latin1'));
  expect(await failureOf(target.start({ table: 'bad', files }))).toMatchObject({
    code: 'IMPORT_ROW_INVALID',
    permanent: true,
    message: expect.stringMatching(row.says) as unknown,
    details: {
      file: files,
      line: row.line,
      lastLine: row.lastLine ?? row.line,
      column: row.column,
      sqlstate: row.sqlstate,
      table: 'public.bad',
    },
  });
  expect((await target.client.query('SELECT * FROM bad')).rows).toEqual([]);
});

test('a trigger that raises gives its line as well', async () => {
  await target.client.query(`CREATE TABLE bad (id int);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 3 THEN RAISE ''no three''; END IF; RETURN NEW; END';
    CREATE TRIGGER refuse BEFORE INSERT ON bad FOR EACH ROW EXECUTE FUNCTION refuse()`);
  const files = await target.write('trigger.csv', '1\n2\n3\n');
  const error = await failureOf(target.start({ table: 'bad', files }));
  expect(error).toMatchObject({ code: 'IMPORT_ROW_INVALID', details: { line: 3, sqlstate: 'P0001' } });
});

test('the line is that of the file, also in a later chunk and below a header', async () => {
  await target.client.query('CREATE TABLE bad (id int, t text)');
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i},"row\n${i}"\n`);
  lines[15_000] = 'x,"row\n"\n';
  const files = await target.write('long.csv', `id,t\n${lines.join('')}`);
  const error = await failureOf(target.start({ table: 'bad', files, header: true, chunkBytes: 65_536 }));
  expect(error).toMatchObject({
    code: 'IMPORT_ROW_INVALID',
    details: { line: 30_002, lastLine: 30_003, column: 'id' },
  });
});

test('a trigger that drops rows is noticed', async () => {
  await target.client.query(`CREATE TABLE bad (id int);
    CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER drop_row BEFORE INSERT ON bad FOR EACH ROW EXECUTE FUNCTION drop_row()`);
  const files = await target.write('dropped.csv', '1\n2\n');
  const error = await failureOf(target.start({ table: 'bad', files }));
  expect(error).toMatchObject({ code: 'IMPORT_COUNT_MISMATCH', details: { records: 2, rows: 0 } });
});

test.each([
  ['an end-of-data marker', 'a\n\\.\nb\n', 'IMPORT_END_OF_DATA_MARKER', 2],
  ['a quote that is never closed', 'a\n"b\n', 'IMPORT_UNTERMINATED_QUOTE', 2],
  ['mixed line ends', 'a\nb\r\n', 'IMPORT_MIXED_LINE_ENDS', 2],
])('%s is refused, in a file of one chunk and in one of several', async (_, tail, code, line) => {
  await target.client.query('CREATE TABLE bad (t text)');
  const rows = 20_000;
  for (const head of ['', 'row\n'.repeat(rows)]) {
    const files = await target.write('bad.csv', head + tail);
    const error = await failureOf(target.start({ table: 'bad', files, chunkBytes: 65_536 }));
    const details = { file: files, line: line + (head === '' ? 0 : rows) };
    expect(error).toMatchObject({ code, permanent: true, details, message: expect.stringContaining(files) as unknown });
  }
  expect((await target.client.query('SELECT * FROM bad')).rows).toEqual([]);
});

test('a row that somebody adds while the import runs fails the proof', async () => {
  await target.client.query('CREATE TABLE bad (id int)');
  const run = target.start({ table: 'bad', files: await target.write('fine.csv', '1\n2\n') });
  await run.prepare();
  await run.runStep('load');
  await target.client.query('INSERT INTO bad VALUES (3)');
  await expect(run.runStep('verify')).rejects.toMatchObject({
    code: 'IMPORT_COUNT_MISMATCH',
    permanent: true,
    details: { table: 'public.bad', tableRows: 3, ledgerRows: 2, loadedRows: 2 },
  });
});
