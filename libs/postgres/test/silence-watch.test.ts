import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { startTcpProxy, waitUntil, type TcpProxy } from '@longshore/test-kit';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openSessionPool, type SessionLimits } from '../src/index.ts';

/** Short, so that the tests are; each wait for what follows has a deadline of its own. */
const ASK_MS = 300;

let postgres: EmbeddedPostgres;
let proxy: TcpProxy;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  proxy = await startTcpProxy({ host: postgres.host, port: postgres.port });
  admin = new pg.Client({ connectionString: postgres.url });
  admin.on('error', () => undefined);
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await proxy.close();
  await postgres.stop();
});

function poolOf(name: string, limits: Partial<SessionLimits>, url = proxy.through(postgres.url)): pg.Pool {
  const { pool, sockets } = openSessionPool({
    url,
    applicationName: name,
    maxSessions: 4,
    limits: { connectMs: 10_000, ...limits },
    isPipelined: true,
  });
  onTestFinished(async () => {
    const ended = pool.end();
    sockets.destroyAll();
    await ended;
  });
  return pool;
}

interface Backend {
  readonly pid: number;
  readonly state: string;
}

async function backendsOf(name: string): Promise<readonly Backend[]> {
  const { rows } = await admin.query<Backend>(
    `SELECT pid, state FROM pg_stat_activity WHERE application_name = $1 ORDER BY pid`,
    [name],
  );
  return rows;
}

const LOST = /does not work for this session any more/;

test('a request that never arrived is given up, and the next one goes by a new session', async () => {
  const pool = poolOf('lost request', { askMs: ASK_MS });
  await pool.query('SELECT 1');
  proxy.dropSilently();
  await expect(pool.query('SELECT 2')).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: expect.stringMatching(LOST),
  });
  expect((await pool.query<{ n: number }>('SELECT 3 AS n')).rows).toEqual([{ n: 3 }]);
});

test('an answer that was lost is given up when the server is done, and not before', async () => {
  const pool = poolOf('lost answer', { askMs: ASK_MS });
  const session = await pool.connect();
  // In a session of its own: one that is in a transaction sees other sessions as they were when it looked first.
  const holder = new pg.Client({ connectionString: postgres.url });
  await holder.connect();
  onTestFinished(() => holder.end());
  await holder.query('SELECT pg_advisory_lock(1)');
  let outcome: unknown = 'waits';
  const waiting = session.query('SELECT pg_advisory_lock(1)').then(
    () => (outcome = 'answered'),
    (error: unknown) => (outcome = error),
  );
  await waitUntil(
    () => backendsOf('lost answer'),
    (rows) => rows.some((row) => row.state === 'active'),
    { what: 'the statement to wait for its lock' },
  );
  proxy.dropSilently();
  // Many looks: each finds the statement at work.
  const looks = await admin.query<{ at: Date }>('SELECT clock_timestamp() AS at');
  await waitUntil(
    async () => (await admin.query<{ at: Date }>('SELECT clock_timestamp() AS at')).rows[0]!.at.getTime(),
    (now) => now > looks.rows[0]!.at.getTime() + 6 * ASK_MS,
    { what: 'time for several looks' },
  );
  expect(outcome).toBe('waits');
  await holder.query('SELECT pg_advisory_unlock(1)');
  await waiting;
  expect(outcome).toMatchObject({ message: expect.stringMatching(LOST) });
  session.release(true);
});

test('locks of a transaction whose session was dropped are free again', async () => {
  const pool = poolOf('dropped transaction', { askMs: ASK_MS });
  const session = await pool.connect();
  await session.query('BEGIN');
  await session.query('SELECT pg_advisory_xact_lock(2)');
  proxy.dropSilently();
  await expect(session.query('SELECT 1')).rejects.toThrow(LOST);
  session.release(true);
  await admin.query('SELECT pg_advisory_lock(2), pg_advisory_unlock(2)');
});

test('sessions that nobody uses are replaced together with one that was dropped', async () => {
  const pool = poolOf('idle sessions', { askMs: ASK_MS });
  const lent = await Promise.all([1, 2, 3].map(() => pool.connect()));
  await Promise.all(lent.map((session) => session.query('SELECT 1')));
  for (const session of lent) session.release();
  const before = await backendsOf('idle sessions');
  expect(before).toHaveLength(3);
  proxy.dropSilently();
  await expect(pool.query('SELECT 1')).rejects.toThrow(LOST);
  await waitUntil(
    () => pool.totalCount,
    (count) => count === 0,
    { what: 'the idle ones to be replaced' },
  );
  await Promise.all([1, 2, 3].map(() => pool.query('SELECT 1')));
});

test('a statement at work is never given up by its duration, and its answer arrives', async () => {
  const pool = poolOf('long statement', { askMs: 100 });
  const { rows } = await pool.query<{ done: string }>(`SELECT 'yes' AS done FROM pg_sleep(2)`);
  expect(rows).toEqual([{ done: 'yes' }]);
});

test('a session is given up at its own limit, even if the server still works', async () => {
  const pool = poolOf('own limit', { answerMs: 500 });
  await expect(pool.query('SELECT pg_sleep(60)')).rejects.toThrow(/did not answer for \d+ ms/);
  expect((await pool.query<{ n: number }>('SELECT 4 AS n')).rows).toEqual([{ n: 4 }]);
});

test('a session that waits for nothing, however long, is left alone', async () => {
  const pool = poolOf('quiet', { askMs: 60, answerMs: 120 });
  const session = await pool.connect();
  const pid = async (): Promise<unknown> => (await session.query('SELECT pg_backend_pid() AS pid')).rows[0];
  const first = await pid();
  await admin.query('SELECT pg_sleep(1)');
  expect(await pid()).toEqual(first);
  session.release();
});

test('a server that takes no writes counts as away', async () => {
  const url = new URL(postgres.url);
  url.searchParams.set('options', '-c default_transaction_read_only=on');
  const { pool } = openSessionPool({
    url: url.href,
    applicationName: 'read only',
    maxSessions: 1,
    limits: { connectMs: 10_000 },
    mustWrite: true,
  });
  onTestFinished(() => pool.end());
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '25006' });
});
