import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlClient } from '@longshore/sdk';
import { openTargetDatabase, type TargetDatabase } from '@longshore/testing-plugins';
import type pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sendRange } from '../../src/steps/send-range.ts';

let target: TargetDatabase;
let client: pg.Client;

beforeAll(async () => {
  target = await openTargetDatabase();
  ({ client } = target);
  await client.query('CREATE TABLE numbers (n int)');
});

afterAll(() => target.stop());

// Tried: the next piece first, and then what has become of the stream. The error was the driver's: it had let its connection go.
test.each([
  ['while the next piece is got ready', 300_000],
  ['after the last piece', 3],
])('a range that the server refuses %s fails with the server’s error', async (_, rows) => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-send-'));
  const path = join(folder, 'numbers.csv');
  await writeFile(path, `none\n${'1\n'.repeat(rows)}`);
  const file = await open(path);
  onTestFinished(async () => {
    await file.close();
    await rm(folder, { recursive: true });
  });
  const refused = Promise.withResolvers<null>();
  const watched = {
    stream: (copy: pg.Submittable & NodeJS.EventEmitter) =>
      client.query(copy).once('error', () => refused.resolve(null)),
  } as unknown as SqlClient;
  let pieces = 0;
  const sending = sendRange(
    watched,
    file,
    { start: 0, end: 5 + 2 * rows },
    {
      statement: 'COPY numbers FROM STDIN',
      signal: new AbortController().signal,
      beforeSend: async () => {
        if (++pieces === 2) await refused.promise;
      },
      onSent: () => undefined,
    },
  );
  await expect(sending).rejects.toMatchObject({ code: '22P02' });
  expect((await client.query('SELECT n FROM numbers')).rows).toEqual([]);
});
