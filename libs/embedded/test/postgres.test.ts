import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, describe, expect, test } from 'vitest';

import { startPostgres, type EmbeddedPostgres } from '../src/index.ts';
import { isAlive } from './is-alive.ts';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function keptFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'embedded-test-'));
  folders.push(folder);
  return join(folder, 'postgres');
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function withPostgres(
  options: Parameters<typeof startPostgres>[0],
  use: (postgres: EmbeddedPostgres) => Promise<void>,
): Promise<void> {
  const postgres = await startPostgres(options);
  try {
    await use(postgres);
  } finally {
    await postgres.stop();
  }
}

describe('a temporary Postgres', () => {
  test('answers queries, keeps data over restarts, and leaves nothing behind', async () => {
    const postgres = await startPostgres();
    const { pid, keeperPid, dataDir, url } = postgres;
    try {
      await query(url, 'create table numbers as select 7 as n');
      expect(await query(url, 'show fsync')).toEqual([{ fsync: 'on' }]);
      await postgres.restart();
      expect(postgres.pid).not.toBe(pid);
      expect(await query(url, 'select n from numbers')).toEqual([{ n: 7 }]);
    } finally {
      await Promise.all([postgres.stop(), postgres.stop()]);
    }
    expect({ folder: existsSync(dataDir), keeper: isAlive(keeperPid), pid: postgres.pid }).toEqual({
      folder: false,
      keeper: false,
      pid: undefined,
    });
  });

  test('takes settings, and can be told that durability does not matter', async () => {
    await withPostgres({ durable: false, settings: { work_mem: '7MB' } }, async ({ url }) => {
      const [row] = await query(url, "select current_setting('work_mem') w, current_setting('fsync') f");
      expect(row).toEqual({ w: '7MB', f: 'off' });
    });
  });

  test('refuses a wrong password', async () => {
    await withPostgres({ durable: false, password: 'a b/c' }, async ({ url }) => {
      expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
      const wrong = new URL(url);
      wrong.password = 'guess';
      await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
    });
  });

  test('comes back after its process was killed', async () => {
    await withPostgres({}, async (postgres) => {
      await query(postgres.url, 'create table numbers as select 7 as n');
      await postgres.kill('SIGKILL');
      expect(postgres.pid).toBeUndefined();
      await expect(query(postgres.url, 'select 1')).rejects.toThrow();
      await postgres.startProcess();
      expect(await query(postgres.url, 'select n from numbers')).toEqual([{ n: 7 }]);
    });
  });

  test('stops although its process is suspended', async () => {
    const postgres = await startPostgres({ durable: false });
    await postgres.kill('SIGSTOP');
    await postgres.stop();
    expect(existsSync(postgres.dataDir)).toBe(false);
  });

  test('an abort ends a start under way', async () => {
    const stop = AbortSignal.timeout(150);
    await expect(startPostgres({ signal: stop })).rejects.toThrow('aborted due to timeout');
  });
});

describe('a Postgres with a kept folder', () => {
  test('has its data and password on the next start', async () => {
    const dataDir = keptFolder();
    await withPostgres({ dataDir }, async ({ url }) => {
      await query(url, 'create table numbers as select 7 as n');
      expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);
    });
    await withPostgres({ dataDir }, async ({ url }) => {
      expect(await query(url, 'select n from numbers')).toEqual([{ n: 7 }]);
    });
    const other = startPostgres({ dataDir, password: 'another' });
    await expect(other).rejects.toMatchObject({ code: 'EMBEDDED_POSTGRES_START_FAILED', permanent: true });
  });

  test('refuses a second server in the same folder', async () => {
    const dataDir = keptFolder();
    await withPostgres({ dataDir, durable: false }, async ({ url }) => {
      await expect(startPostgres({ dataDir })).rejects.toMatchObject({
        code: 'EMBEDDED_POSTGRES_ALREADY_RUNNING',
        permanent: true,
      });
      expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    });
  });

  test('starts after its keeper was killed, with everything that was committed', async () => {
    const dataDir = keptFolder();
    const first = await startPostgres({ dataDir });
    await query(first.url, 'create table numbers as select 7 as n');
    process.kill(first.keeperPid, 'SIGKILL');
    await withPostgres({ dataDir }, async ({ url }) => {
      expect(await query(url, 'select n from numbers')).toEqual([{ n: 7 }]);
    });
    await first.stop();
  });

  test('says what is wrong with a setting', async () => {
    const wrong = startPostgres({ settings: { shared_buffers: 'plenty' } });
    await expect(wrong).rejects.toMatchObject({
      code: 'EMBEDDED_POSTGRES_START_FAILED',
      message: expect.stringContaining('shared_buffers') as string,
    });
  });

  test('says which fixed port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(startPostgres({ port })).rejects.toMatchObject({ code: 'EMBEDDED_PORT_IN_USE' });
    await new Promise((resolve) => other.close(resolve));
  });
});
