import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  findFreePort,
  startBroker,
  startChild,
  startPostgres,
  type Broker,
  type EmbeddedPostgres,
} from '@longshore/embedded';
import { migrateStore, openStore, registerType } from '@longshore/store';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import toy from '../src/toy-task-type.ts';
import { TOY } from '../src/toy-cluster.ts';

let postgres: EmbeddedPostgres;
let broker: Broker;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  broker = await startBroker({});
});
afterAll(async () => {
  await broker.stop();
  await postgres.stop();
});

const fixture = (name: string): string => fileURLToPath(new URL(`../src/broken-plugins/${name}.ts`, import.meta.url));

/** Starts a service's process; most must fail with a coded error before they are ready. */
function start(service: string, env: Readonly<Record<string, string>>, onLine: (line: string) => void = () => {}) {
  return startChild({
    name: service,
    onLine,
    entry: new URL(import.meta.resolve(`@longshore/${service}/main`)),
    env: {
      LONGSHORE_DATABASE_URL: postgres.url,
      LONGSHORE_NATS_URL: broker.url,
      LONGSHORE_MODE: 'development',
      LONGSHORE_PLUGINS: TOY,
      LONGSHORE_NODE_ID: 'node-1',
      ...env,
    },
  });
}

describe('an executor refuses', () => {
  it.each([
    [
      'a package that is not installed',
      { LONGSHORE_PLUGINS: '@nobody/nothing' },
      'PLUGIN_LOAD_FAILED',
      /@nobody\/nothing/,
    ],
    ['a module that throws', { LONGSHORE_PLUGINS: fixture('throws') }, 'PLUGIN_LOAD_FAILED', /broken on purpose/],
    ['a module without a task type', { LONGSHORE_PLUGINS: fixture('no-default') }, 'PLUGIN_INVALID', /defineTaskType/],
    ['another contract version', { LONGSHORE_PLUGINS: fixture('other-contract') }, 'PLUGIN_CONTRACT', /version 99/],
    ['the same type twice', { LONGSHORE_PLUGINS: `${TOY},${fixture('second-toy')}` }, 'PLUGIN_INVALID', /toy/],
    ['a node name that fits no subject', { LONGSHORE_NODE_ID: 'a.b' }, 'CONFIG_INVALID', /LONGSHORE_NODE_ID/],
    ['slots that are no number', { LONGSHORE_SLOTS: 'many' }, 'CONFIG_INVALID', /LONGSHORE_SLOTS/],
  ])('%s', async (_, env, code, message) => {
    await expect(start('executor', env)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

it('an executor refuses a type that its version is registered for in another form, but for development', async () => {
  await migrateStore(postgres.url);
  const store = openStore({ url: postgres.url, applicationName: 'start-errors' });
  try {
    const { type, version, steps, hooks, contract } = toy;
    await registerType(store.db, { type, version, steps, hooks, contract, description: '', schema: {}, defaults: {} });
    await expect(start('executor', { LONGSHORE_MODE: 'production' })).rejects.toMatchObject({
      code: 'TYPE_CHANGED',
      message: expect.stringContaining(`${type}@${version} is registered with other schema`),
    });
    const lines: string[] = [];
    const executor = await start('executor', {}, (line) => lines.push(line));
    await executor.stop();
    expect(lines.join('\n')).toContain('"code":"TYPE_CHANGED"');
  } finally {
    await store.close();
  }
});

describe('every service refuses', () => {
  it('a port that is in use', async () => {
    const port = await findFreePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await expect(start('owner', { LONGSHORE_HTTP_PORT: String(port) })).rejects.toMatchObject({
      code: 'HTTP_PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it('a password or a database that is wrong', async () => {
    const wrong = new URL(postgres.url);
    wrong.password = 'wrong';
    const none = new URL(postgres.url);
    none.pathname = '/nothing';
    for (const url of [wrong, none]) {
      const refused = start('owner', { LONGSHORE_DATABASE_URL: url.href });
      await expect(refused).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        message: expect.not.stringContaining(url.password),
      });
    }
  });

  it('a database URL that is none, without printing it', async () => {
    const refused = start('balancer', { LONGSHORE_DATABASE_URL: 'mysql://root:geheim@db' });
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.not.stringContaining('geheim'),
    });
  });

  it.each(['owner', 'node-manager', 'balancer', 'executor'])('a database of a newer schema (%s)', async (service) => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const name = `newer_${service.replace('-', '_')}`;
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    const url = new URL(postgres.url);
    url.pathname = `/${name}`;
    await migrateStore(url.href);
    const newer = new pg.Client({ connectionString: url.href });
    await newer.connect();
    await newer.query(`INSERT INTO longshore.migrations (name, timestamp) VALUES ('9999-from-the-future', 'now')`);
    await newer.end();
    await expect(start(service, { LONGSHORE_DATABASE_URL: url.href })).rejects.toMatchObject({
      code: 'STORE_SCHEMA_NEWER',
      message: expect.stringContaining('9999-from-the-future'),
    });
  });
});
