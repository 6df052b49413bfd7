import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateCsv } from '../src/generate-csv.ts';
import { CHECKSUM_SQL, TABLE_SQL } from '../src/row-checksum.ts';

const ROWS = 20_000;
let postgres: EmbeddedPostgres;
let client: Client;
const never = new AbortController().signal;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  client = new Client(postgres.url);
  await client.connect();
  await client.query(TABLE_SQL);
});

afterAll(async () => {
  await client.end();
  await postgres.stop();
});

test("the generator's values and Postgres' own reading of the file have the same checksum", async () => {
  const csv = await generateCsv(join(postgres.dataDir, 'rows.csv'), ROWS, 1, never);
  expect(csv.bytes).toBe(readFileSync(csv.path).length);
  const copy = 'COPY public.demo_rows FROM STDIN WITH (FORMAT csv, HEADER true)';
  await pipeline(createReadStream(csv.path), client.query(copyFrom(copy)));
  expect(await readChecksum()).toEqual({ rows: String(ROWS), checksum: String(csv.checksum) });

  // What the demo must never miss: a doubled row for a lost one, and NULL for the empty text.
  await client.query('BEGIN');
  await client.query(
    "UPDATE public.demo_rows SET note = NULL WHERE id = (SELECT min(id) FROM public.demo_rows WHERE note = '')",
  );
  expect((await readChecksum()).checksum).not.toBe(String(csv.checksum));
  await client.query('ROLLBACK');
  await client.query('DELETE FROM public.demo_rows WHERE id = 1');
  await client.query('INSERT INTO public.demo_rows SELECT * FROM public.demo_rows WHERE id = 2');
  const { rows, checksum } = await readChecksum();
  expect(rows).toBe(String(ROWS));
  expect(checksum).not.toBe(String(csv.checksum));
});

test('the same seed gives the same file, another seed another one', async () => {
  const read = async (name: string, seed: number): Promise<string> => {
    const { path } = await generateCsv(join(postgres.dataDir, name), 500, seed, never);
    return readFileSync(path, 'utf8');
  };
  const first = await read('a.csv', 7);
  expect(await read('b.csv', 7)).toBe(first);
  expect(await read('c.csv', 8)).not.toBe(first);
  // All that makes CSV hard is in it.
  for (const hard of ['"she said ""yes"""', ',"",', ',,', '\r\n', '☃', '"Smith, John', ',\n"",\n']) {
    expect(first.includes(hard), hard).toBe(true);
  }
});

async function readChecksum(): Promise<{ rows: string; checksum: string }> {
  const { rows } = await client.query<{ rows: string; checksum: string }>(CHECKSUM_SQL);
  return rows[0]!;
}
