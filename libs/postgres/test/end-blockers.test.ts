import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { endingBlockers, type BlockerWatch, type SendStatement } from '../src/index.ts';

let postgres: EmbeddedPostgres;
const sessions: pg.Client[] = [];

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  const admin = await open('admin');
  await admin.query(`CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1)`);
  await admin.query(`CREATE ROLE weak LOGIN PASSWORD 'secret'; GRANT SELECT, UPDATE ON rows TO weak`);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.end()));
});
afterAll(() => postgres.stop());

async function open(name: string, role?: string): Promise<pg.Client> {
  const url = new URL(postgres.url);
  if (role !== undefined) Object.assign(url, { username: role, password: 'secret' });
  const session = new pg.Client({ connectionString: url.href, application_name: name });
  session.on('error', () => undefined);
  await session.connect();
  sessions.push(session);
  return session;
}

function sending(session: pg.Client): SendStatement {
  return (text, values) => session.query(text, [...values]);
}

const HOLD = 'SELECT FROM rows WHERE id = 1 FOR UPDATE';
const named = (name: string) => ({ condition: 'blocker.application_name = $2', values: [name] });
let holder: pg.Client;

beforeEach(async () => {
  holder = await open('holder');
  await holder.query('BEGIN');
  await holder.query(HOLD);
});

async function watch(change: Partial<BlockerWatch> = {}, role?: string): Promise<[pg.Client, BlockerWatch]> {
  const waiting = await open('waiting', role);
  const other = sending(await open('other', role));
  return [waiting, { waiting: sending(waiting), other, afterMs: 20, everyMs: 20, rule: named('holder'), ...change }];
}

test('a session that blocks is ended, and what waited for it goes on', async () => {
  const [waiting, ending] = await watch();
  const { rowCount } = await endingBlockers(ending, () => waiting.query(HOLD));
  expect(rowCount).toBe(1);
  await expect(holder.query('COMMIT')).rejects.toThrow();
});

test('a session for which the rule does not hold is waited for', async () => {
  let looks = 0;
  const looked = Promise.withResolvers<undefined>();
  const [waiting, ending] = await watch({ rule: named('somebody else') });
  const other: SendStatement = async (text, values) => {
    const result = await ending.other(text, values);
    if (++looks === 2) looked.resolve(undefined);
    return result;
  };
  const ended = endingBlockers({ ...ending, other }, () => waiting.query(HOLD));
  await looked.promise;
  await holder.query('COMMIT');
  expect((await ended).rowCount).toBe(1);
});

test('a role that may not end the session hears of it', async () => {
  const refused = (cause: unknown): Error => new Error('not allowed', { cause });
  const [waiting, ending] = await watch({ refused }, 'weak');
  await expect(endingBlockers(ending, () => waiting.query(HOLD))).rejects.toThrow('not allowed');
  await holder.query('ROLLBACK');
});

test('a look that fails is followed by another', async () => {
  let looks = 0;
  const [waiting, ending] = await watch();
  const other: SendStatement = (text, values) =>
    ++looks === 1 ? Promise.reject(new Error('no session is free')) : ending.other(text, values);
  await endingBlockers({ ...ending, other }, () => waiting.query(HOLD));
  expect(looks).toBeGreaterThan(1);
});
