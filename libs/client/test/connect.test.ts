import { startBroker, type Broker } from '@longshore/embedded';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectLongshore } from '../src/index.ts';
import { FakeOwner } from './fake-owner.ts';

let folder: string;
let broker: Broker;
let owner: FakeOwner;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-client-'));
  mkdirSync(join(folder, '.longshore'));
  vi.stubEnv('LONGSHORE_NATS_URL', undefined);
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  broker = await startBroker({ token: 'secret' });
  owner = await FakeOwner.start(broker.url, 'test', 'secret');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await owner.bus.close();
  await broker.stop();
  rmSync(folder, { recursive: true });
});

function writeDevFile(): string {
  const dev = { natsUrl: broker.url, token: 'secret', databaseUrl: 'postgres://', cluster: 'test', pid: process.pid };
  const path = join(folder, '.longshore', 'dev.json');
  writeFileSync(path, JSON.stringify(dev));
  return path;
}

test('without arguments it is the dev cluster of the folder', async () => {
  await expect(connectLongshore()).rejects.toMatchObject({ code: 'CLUSTER_NOT_FOUND' });
  writeDevFile();
  await using client = await connectLongshore();
  expect((await client.submit({ type: 'toy', meta: {} })).created).toBe(true);
});

test('the environment goes before it, with its login', async () => {
  vi.stubEnv('LONGSHORE_NATS_URL', broker.url);
  vi.stubEnv('LONGSHORE_CLUSTER', 'test');
  // The server refuses whoever has no token.
  await expect(connectLongshore()).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  vi.stubEnv('LONGSHORE_NATS_TOKEN', 'secret');
  await using client = await connectLongshore({ principal: { name: 'billing' } });
  expect((await client.submit({ type: 'toy', meta: {} })).created).toBe(true);
});

test('a login of the environment is not given to servers that the application names', async () => {
  vi.stubEnv('LONGSHORE_NATS_TOKEN', 'secret');
  writeDevFile();
  const named = connectLongshore({ servers: broker.url, cluster: 'test' });
  await expect(named).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
});
