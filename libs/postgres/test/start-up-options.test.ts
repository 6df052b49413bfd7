import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSessionPool, startUpOptions, type SessionSettings } from '../src/index.ts';

let postgres: EmbeddedPostgres;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
});
afterAll(() => postgres.stop());

async function readSettings(query: string, settings: SessionSettings, names: readonly string[]): Promise<string[]> {
  const url = `${postgres.url}${query}`;
  const limits = { connectMs: 10_000 };
  const { pool } = openSessionPool({ url, applicationName: 'ours', settings, maxSessions: 1, limits });
  try {
    const values = names.map((_, i) => `current_setting($${i + 1}) AS v${i}`);
    const { rows } = await pool.query<Record<string, string>>(`SELECT ${values.join(', ')}`, [...names]);
    return Object.values(rows[0]!);
  } finally {
    await pool.end();
  }
}

test.each([
  ['a space', { default_transaction_isolation: 'read committed' }],
  ['a backslash', { 'longshore.note': String.raw`a\b` }],
  ['both, and a tab', { 'longshore.note': 'a \\ b\tc' }],
  ['an equals sign and quotes', { 'longshore.note': `a='b' "c"` }],
])('a setting whose value has %s reaches the server', async (_, settings: SessionSettings) => {
  expect(await readSettings('', settings, Object.keys(settings))).toEqual(Object.values(settings));
});

test("ours win over the URL's, and the URL's others stay", async () => {
  const query = '?application_name=theirs&options=-c%20work_mem%3D8MB%20-c%20search_path%3Dtheirs';
  const names = ['application_name', 'search_path', 'work_mem'];
  expect(await readSettings(query, { search_path: 'ours' }, names)).toEqual(['ours', 'ours', '8MB']);
});

test('what is no URL is passed on', () => {
  const options = startUpOptions('/var/run/postgresql store', 'ours', { search_path: 'ours' });
  expect(options).toEqual({
    connectionString: '/var/run/postgresql store',
    application_name: 'ours',
    options: '-c search_path=ours',
  });
});
