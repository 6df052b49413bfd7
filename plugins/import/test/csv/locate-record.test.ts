import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openTargetDatabase, type TargetDatabase } from '@longshore/testing-plugins';
import fc from 'fast-check';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CopyContext, parseCopyContext } from '../../src/csv/copy-context.ts';
import { copyOptions } from '../../src/csv/copy-options.ts';
import { csvDefaults } from '../../src/csv/dialect.ts';
import type { Chunk } from '../../src/csv/fold-chunks.ts';
import { locateRecord } from '../../src/csv/locate-record.ts';
import { LineEnd } from '../../src/csv/range-scan.ts';
import { RecordLocator } from '../../src/csv/record-locator.ts';

const dialect = { ...csvDefaults, header: false };
let target: TargetDatabase;
let client: pg.Client;

beforeAll(async () => {
  target = await openTargetDatabase();
  ({ client } = target);
  await client.query('CREATE TABLE prices (name text, price int CHECK (price < 1000), UNIQUE (price))');
});

afterAll(() => target.stop());

/** What Postgres says about the place where a COPY of this text fails. */
async function failedAt(text: string): Promise<CopyContext | null> {
  const stream = client.query(copyFrom(`COPY prices FROM STDIN ${copyOptions(dialect)}`));
  const error: unknown = await pipeline(Readable.from([Buffer.from(text)], { objectMode: false }), stream).catch(
    (error: unknown) => error,
  );
  if (!(error instanceof pg.DatabaseError)) throw new Error('The COPY did not fail.', { cause: error });
  return parseCopyContext(error.where);
}

function locate(text: string, copyLine: number, lineEnd: LineEnd): ReturnType<RecordLocator['finish']> {
  const chunk: Chunk = { start: 0, end: Buffer.byteLength(text), firstLine: 1, records: 0 };
  const locator = new RecordLocator(dialect, chunk, copyLine, lineEnd);
  locator.feed(Buffer.from(text));
  return locator.finish();
}

const lineEnds = { [LineEnd.Lf]: '\n', [LineEnd.Crlf]: '\r\n', [LineEnd.Cr]: '\r' };

test('the record that Postgres could not load is found, wherever line ends within quotes are', async () => {
  const name = fc.constantFrom('a', '"\n"', '"\r"', '"\r\n"', '"a\n\n\r""\n"', 'é');
  const fault = fc.constantFrom('abc', '1000', '1', '5,x', '"\n"');
  await fc.assert(
    fc.asyncProperty(
      fc.array(name, { minLength: 2, maxLength: 12 }),
      fc.nat(11),
      fault,
      fc.constantFrom(LineEnd.Lf, LineEnd.Crlf, LineEnd.Cr),
      async (names, place, fault, style) => {
        const faulty = 1 + (place % (names.length - 1));
        const records = names.map((name, i) => `${name},${i === faulty ? fault : i + 1}${lineEnds[style]}`);
        const text = records.join('');
        const context = await failedAt(text);
        const lineOf = (text: string) => text.split(style === LineEnd.Cr ? '\r' : '\n').length;
        const before = records.slice(0, faulty).join('');
        expect(context?.table).toBe('prices');
        expect(locate(text, context!.copyLine, style)).toEqual({
          offset: Buffer.byteLength(before),
          firstLine: lineOf(before),
          lastLine: lineOf(before + records[faulty]!) - 1,
          recordIndex: faulty,
        });
      },
    ),
    { numRuns: 300 },
  );
});

test('the line is the file’s, not the chunk’s', async () => {
  const head = 'a,1\n"b\nb",2\n';
  const text = '"c\nc\nc",3\nd,4\n"e\ne",x\n';
  const folder = await mkdtemp(join(tmpdir(), 'locate-record-'));
  await writeFile(join(folder, 'a.csv'), head + text);
  const file = await open(join(folder, 'a.csv'));
  try {
    const context = await failedAt(text);
    // Two line ends in the first record are invisible to Postgres: it says 4 where the chunk's line is 6.
    expect(context).toEqual({ table: 'prices', copyLine: 4, column: 'price', value: 'x' });
    const chunk = { start: head.length, end: head.length + text.length, firstLine: 4, records: 3 };
    const record = await locateRecord(file, chunk, context!.copyLine, { dialect, lineEnd: LineEnd.Lf });
    expect(record).toEqual({ offset: head.length + 14, firstLine: 8, lastLine: 9, recordIndex: 2 });
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
});

test('a last record without a line end is found, and so is none', () => {
  expect(locate('a,1\nb,x', 2, LineEnd.Lf)).toMatchObject({ offset: 4, firstLine: 2, lastLine: 2, recordIndex: 1 });
  expect(locate('a,1\n', 9, LineEnd.Lf)).toMatchObject({ recordIndex: 0 });
  expect(locate('', 1, LineEnd.Lf)).toBeNull();
});
