import { openTarget, type OpenTarget } from '@longshore/effects';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import type { HealthGate } from '@longshore/core';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readGate } from '../src/worker/gates/read-gate.ts';
import { runSpec, startFixture, type FixtureOptions } from './start-fixture.ts';

let server: EmbeddedPostgres;
let client: pg.Client;
let target: OpenTarget;
/** As `target`, by a role that may only read. */
let reader: OpenTarget;

beforeAll(async () => {
  server = await startPostgres({ durable: false });
  client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('CREATE TABLE switch (is_on boolean)');
  await client.query(`CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON switch TO reader`);
});
afterAll(async () => {
  await client.end();
  await server.stop();
});
beforeEach(() => {
  target = open(server.url);
  reader = open(urlOf('reader'));
});
afterEach(() => Promise.all([target.close(), reader.close()]));

const open = (url: string): OpenTarget => {
  const owner = { clusterId: 'test', taskId: '1', subtaskId: '2', step: '', attempt: 1 };
  return openTarget({ name: 'main', url, owner, signal: new AbortController().signal });
};
const urlOf = (role: string): string => Object.assign(new URL(server.url), { username: role, password: role }).href;

const read = (gate: HealthGate) => readGate(gate, (gate.kind === 'query' ? reader : target).connection);
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

describe('the query of a gate', () => {
  const isThere = async (): Promise<boolean> => {
    const { rows } = await client.query<{ found: boolean }>(`SELECT to_regclass('switch') IS NOT NULL AS found`);
    return rows[0]?.found === true;
  };

  test.each([
    ['begins another statement', 'SELECT true; COMMIT; DROP TABLE switch'],
    ['ends its own parenthesis', 'SELECT true) g; COMMIT; DROP TABLE switch; SELECT (true'],
    ['hides what follows', 'SELECT true) AS g(v); COMMIT; DROP TABLE switch --'],
    ['ends the transaction', 'COMMIT'],
    ['changes data in a WITH', 'WITH x AS (INSERT INTO switch VALUES (true) RETURNING is_on) SELECT is_on FROM x'],
    ['makes a table', 'SELECT true INTO another'],
    ['runs a program', `COPY (SELECT 1) TO PROGRAM 'true'`],
    ['makes its transaction writable', `SELECT set_config('transaction_read_only', 'off', true) = 'off'`],
    ['becomes another role', `SELECT set_config('role', 'postgres', true) IS NOT NULL`],
  ])('that %s is refused', async (_, sql) => {
    // The second one could do it all. What a query may not say, it may not say to that one either.
    await client.query('GRANT ALL ON switch TO reader');
    expect(await read(query(sql))).toMatchObject({ isOpen: false, code: 'GATE_UNREADABLE' });
    expect(await readGate(query(sql), target.connection)).toMatchObject({ isOpen: false, code: 'GATE_UNREADABLE' });
    expect(await isThere()).toBe(true);
    expect((await client.query('SELECT FROM switch')).rowCount).toBe(0);
    await client.query('REVOKE ALL ON switch FROM reader; GRANT SELECT ON switch TO reader');
  });

  test('may end with a semicolon, and begin with WITH', async () => {
    expect(await read(query('SELECT true;\n'))).toMatchObject({ isOpen: true });
    expect(await read(query('WITH x AS (SELECT true AS a, 7) SELECT * FROM x -- so it is'))).toMatchObject({
      isOpen: true,
    });
  });

  test.each([
    ['a superuser', ''],
    ['a member of a superuser', 'GRANT postgres TO mighty'],
    ['one that may run programs', 'GRANT pg_execute_server_program TO mighty'],
    ['one that may read files', 'GRANT pg_read_server_files TO mighty'],
    ['one that may write files', 'GRANT pg_write_server_files TO mighty'],
  ])('is not asked by %s', async (_, grant) => {
    await client.query(`CREATE ROLE mighty LOGIN PASSWORD 'mighty' ${grant === '' ? 'SUPERUSER' : ''}; ${grant}`);
    const mighty = open(urlOf('mighty'));
    const reading = await readGate(query('SELECT true'), mighty.connection);
    expect(reading).toMatchObject({ isOpen: false, code: 'GATE_UNREADABLE' });
    expect(reading.message).toContain('may only read');
    await mighty.close();
    await client.query('DROP ROLE mighty');
  });

  test.each([
    ['a text as its answer', `SELECT 'a secret'`, 'something else'],
    ['a text in an error', `SELECT 'a secret'::int = 1`, '22P02'],
    ['a text that it raises', `SELECT ('{' || 'a secret')::json IS NULL`, '22P02'],
    ['a name in an error', 'SELECT a_secret()', '42883'],
    ['a number', 'SELECT 42.5', '42.5'],
    ['null', 'SELECT NULL::text', 'null'],
    [
      'an answer of its own making',
      `SELECT 1) AS gate(v) WHERE false UNION ALL SELECT 'integer', 'a secret' FROM (SELECT 1`,
      'SQLSTATE 42601',
    ],
    [
      'an answer of its own making behind a comment',
      `SELECT 1) AS gate(v) WHERE false UNION ALL SELECT 'integer', 'a secret' /* ' */ FROM (SELECT 1 --`,
      'SQLSTATE 42601',
    ],
  ])('tells no more than its code with %s', async (_, sql, told) => {
    const { message } = await read(query(sql));
    expect(message).toContain(told);
    expect(message).not.toMatch(/secret/);
  });

  test('leaves nothing in its session', async () => {
    const left = `SELECT pg_advisory_lock(4711) IS NOT NULL AND set_config('application_name', 'x', false) = 'x'`;
    expect(await read(query(left))).toMatchObject({ isOpen: true });
    const held = await client.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711`);
    expect(held.rowCount).toBe(0);
    expect(await read(query(`SELECT current_setting('application_name') = 'ls/1/2/1'`))).toMatchObject({
      isOpen: true,
    });
  });
});

describe('a gate of a task', () => {
  const readings = async (gate: HealthGate, urls: Pick<FixtureOptions, 'connections' | 'gateConnections'>) => {
    const { host, runner } = await startFixture(urls);
    runner.start(runSpec({ kind: 'gates', gates: [gate] }));
    const call = await host.until('gates are read', () => host.calls.find(({ method }) => method === 'gates'));
    return call.method === 'gates' ? call.readings : [];
  };

  test('is read by the connection that the operator names for gates', async () => {
    const urls = { connections: { main: server.url }, gateConnections: { main: urlOf('reader') } };
    expect(await readings(query(`SELECT current_user = 'reader'`), urls)).toMatchObject([{ isOpen: true }]);
  });

  test('is not read by a connection of tasks', async () => {
    const urls = { connections: { main: server.url } };
    const [reading] = await readings(query('SELECT true'), urls);
    expect(reading).toMatchObject({ isOpen: false, code: 'GATE_UNREADABLE' });
    expect(reading?.message).toContain('LONGSHORE_GATE_CONNECTION_MAIN');
    // Its type declares no connection.
    const gate = { kind: 'lock-waits', connection: 'main', maxSessions: 0, afterMs: 0 } as const;
    expect(await readings(gate, urls)).toMatchObject([{ isOpen: false, code: 'GATE_UNREADABLE' }]);
  });

  test('has no connection that every object has', async () => {
    expect(await readings({ ...query('SELECT true'), connection: 'constructor' }, {})).toMatchObject([
      { isOpen: false, message: expect.stringContaining('no connection "constructor"') as string },
    ]);
  });
});

test('sessions that a role may not see close', async () => {
  const gate = { kind: 'lock-waits', connection: 'main', maxSessions: 0, afterMs: 0 } as const;
  const reading = await readGate(gate, reader.connection);
  expect(reading).toMatchObject({ isOpen: false, code: 'GATE_UNREADABLE' });
  expect(reading.message).toContain('pg_monitor');
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
