import { openTarget, type OpenTarget } from '@longshore/effects';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import type { HealthGate } from '@longshore/core';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readGate } from '../src/worker/gates/read-gate.ts';

let server: EmbeddedPostgres;
let client: pg.Client;
let target: OpenTarget;

beforeAll(async () => {
  server = await startPostgres({ durable: false });
  client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('CREATE TABLE switch (is_on boolean)');
});
afterAll(async () => {
  await client.end();
  await server.stop();
});
beforeEach(() => {
  const owner = { clusterId: 'test', taskId: '1', subtaskId: '2', step: '', attempt: 1 };
  target = openTarget({ name: 'main', url: server.url, owner, signal: new AbortController().signal });
});
afterEach(() => target.close());

const read = (gate: HealthGate) => readGate(gate, target.connection);
const query = (sql: string): HealthGate => ({ kind: 'query', connection: 'main', name: 'switch', sql });

describe('a query gate', () => {
  test.each([
    ['true opens', 'SELECT true', true, 'GATE_CLOSED'],
    ['false closes', 'SELECT 1 = 2', false, 'GATE_CLOSED'],
    ['NULL closes', 'SELECT NULL::boolean', false, 'GATE_UNREADABLE'],
    ['no row closes', 'SELECT is_on FROM switch', false, 'GATE_UNREADABLE'],
    ['a number closes', 'SELECT 1', false, 'GATE_UNREADABLE'],
    ['an error closes', 'SELECT 1 / 0 = 1', false, 'GATE_UNREADABLE'],
    [
      'a write closes, and writes nothing',
      'INSERT INTO switch VALUES (true) RETURNING is_on',
      false,
      'GATE_UNREADABLE',
    ],
  ])('%s', async (_, sql, isOpen, code) => {
    expect(await read(query(sql))).toMatchObject({ isOpen, code });
    expect((await client.query('SELECT FROM switch')).rowCount).toBe(0);
  });

  test('that takes too long is closed', async () => {
    const reading = await read(query('SELECT pg_sleep(600) IS NULL'));
    expect(reading).toMatchObject({ isOpen: false, code: 'GATE_UNREADABLE' });
    expect(reading.message).toContain('switch of main');
    expect(reading.message).toContain('statement timeout');
  });

  test('after a failed look the next one works', async () => {
    await read(query('SELECT 1 / 0 = 1'));
    expect(await read(query('SELECT true'))).toMatchObject({ isOpen: true });
  });
});

test('a server without the replicas that are asked for is closed', async () => {
  const gate = { kind: 'replica-lag', connection: 'main', maxMs: 1_000 } as const;
  expect(await read({ ...gate, minReplicas: 1 })).toMatchObject({ isOpen: false, code: 'REPLICA_LAG' });
  expect(await read({ ...gate, minReplicas: 0 })).toMatchObject({ isOpen: true });
});

test('sessions that wait for locks close, and those of tasks do not', async () => {
  const gate = { kind: 'lock-waits', connection: 'main', maxSessions: 0, afterMs: 0 } as const;
  expect(await read(gate)).toMatchObject({ isOpen: true });
  const holder = new pg.Client({ connectionString: server.url });
  await holder.connect();
  await holder.query('BEGIN; LOCK TABLE switch');
  const waiter = async (name: string) => {
    const session = new pg.Client({ connectionString: server.url, application_name: name });
    await session.connect();
    const waiting = session.query('SELECT FROM switch');
    await expect
      .poll(async () => {
        const found = await client.query(
          `SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
          [name],
        );
        return found.rowCount;
      })
      .toBe(1);
    return { session, waiting };
  };
  const ours = await waiter('ls/1/2/3');
  expect(await read(gate)).toMatchObject({ isOpen: true });
  const theirs = await waiter('web');
  expect(await read(gate)).toMatchObject({ isOpen: false, code: 'LOCK_WAITS' });
  expect(await read({ ...gate, maxSessions: 1 })).toMatchObject({ isOpen: true });
  expect(await read({ ...gate, afterMs: 3_600_000 })).toMatchObject({ isOpen: true });
  await holder.query('COMMIT');
  await holder.end();
  for (const { session, waiting } of [ours, theirs]) {
    await waiting;
    await session.end();
  }
});

test('a database that is away closes', async () => {
  const owner = { clusterId: 'test', taskId: '1', subtaskId: '2', step: '', attempt: 1 };
  const away = openTarget({
    name: 'main',
    url: 'postgres://127.0.0.1:1/no',
    owner,
    signal: AbortSignal.timeout(60_000),
  });
  expect(await readGate(query('SELECT true'), away.connection)).toMatchObject({
    isOpen: false,
    code: 'GATE_UNREADABLE',
  });
  await away.close();
});
