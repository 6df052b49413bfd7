import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findCluster } from '../src/connection/find-cluster.ts';

let folder: string;
const inner = (): string => join(folder, 'a', 'b');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
  mkdirSync(inner(), { recursive: true });
  mkdirSync(join(folder, '.longshore'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeDevFile(pid: number): void {
  const dev = { natsUrl: 'nats://127.0.0.1:1', token: 't', databaseUrl: 'postgres://', cluster: 'dev', pid };
  writeFileSync(join(folder, '.longshore', 'dev.json'), JSON.stringify(dev));
}

test('a flag goes before the environment, and that before the dev cluster of a folder above', () => {
  writeDevFile(process.pid);
  const env = { LONGSHORE_NATS_URL: 'nats://env:4222', LONGSHORE_NATS_TOKEN: 'secret', LONGSHORE_CLUSTER: 'main' };
  expect(findCluster({ server: 'flag:4222', cluster: 'other' }, env, inner())).toMatchObject({
    servers: ['nats://flag:4222'],
    cluster: 'other',
    token: 'secret',
  });
  expect(findCluster({}, env, inner())).toMatchObject({ servers: ['nats://env:4222'], cluster: 'main' });
  expect(findCluster({}, {}, inner())).toEqual({ servers: 'nats://127.0.0.1:1', token: 't', cluster: 'dev' });
  expect(findCluster({ server: '../../.longshore/dev.json' }, env, inner())).toMatchObject({ token: 't' });
});

test('credentials leave the URL, so that no message can show them', () => {
  const found = findCluster({ server: 'nats://me:p%40ss@a:4222,tls://b:4222' }, {}, folder);
  expect(found).toMatchObject({
    servers: ['nats://a:4222', 'tls://b:4222'],
    user: 'me',
    password: 'p@ss',
    cluster: 'default',
  });
  expect(findCluster({ server: 'nats://token@a:4222' }, {}, folder)).toMatchObject({
    servers: ['nats://a:4222'],
    token: 'token',
  });
});

test('files with a login come from the environment', () => {
  const env = { LONGSHORE_NATS_NKEY: 'user.nk', LONGSHORE_NATS_CREDENTIALS: '' };
  expect(findCluster({ server: 'nats://a:4222' }, env, folder)).toMatchObject({
    nkeyFile: 'user.nk',
    credentialsFile: undefined,
  });
});

test('what names no cluster is refused', () => {
  const notFound = expect.objectContaining({ code: 'CLUSTER_NOT_FOUND' }) as Error;
  expect(() => findCluster({}, {}, inner())).toThrow(notFound);
  expect(() => findCluster({ server: 'nowhere.json' }, {}, inner())).toThrow(notFound);
  // No process can have this id.
  writeDevFile(2 ** 30);
  expect(() => findCluster({}, {}, inner())).toThrow('has ended');
  expect(() => findCluster({ server: 'http://me:hidden@x' }, {}, inner())).toThrow(/^(?!.*hidden).*not a URL/);
});
