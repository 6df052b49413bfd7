import { existsSync } from 'node:fs';

import { waitUntil } from '@longshore/test-kit';
import { connect } from '@nats-io/transport-node';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';

import { startBroker, startLocalCluster, startPostgres, type LocalClusterOptions } from '../src/index.ts';
import { isAlive } from './is-alive.ts';

const entry = new URL('./fixtures/service.ts', import.meta.url);
const services = { owner: { entry, replicas: 2 }, 'node-manager': { entry }, balancer: { entry } };

function start(options: Partial<LocalClusterOptions> = {}) {
  return startLocalCluster({ services, postgres: { durable: false }, ...options });
}

async function canQuery(url: string): Promise<boolean> {
  const client = new Client(url);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe('startLocalCluster', () => {
  test('starts the servers and every service, tells each where they are, and stops them in order', async () => {
    const stops: string[] = [];
    const cluster = await start({
      cluster: 'harbour',
      services: {
        ...services,
        executor: {
          entry,
          count: 2,
          env: { LONGSHORE_A: 'all' },
          instanceEnv: (n) => ({ LONGSHORE_B: `number ${n}` }),
        },
      },
      env: { LONGSHORE_C: 'cluster' },
      onLine: (name, line) => {
        if (line === 'stopping') stops.push(name);
      },
    });
    const { databaseUrl, natsUrl, natsToken, processes, postgres } = cluster;
    try {
      expect([...processes.keys()]).toEqual([
        'owner-1',
        'owner-2',
        'node-manager-1',
        'balancer-1',
        'executor-1',
        'executor-2',
      ]);
      const common = {
        LONGSHORE_DATABASE_URL: databaseUrl,
        LONGSHORE_NATS_URL: natsUrl,
        LONGSHORE_NATS_TOKEN: natsToken,
        LONGSHORE_CLUSTER: 'harbour',
        LONGSHORE_MODE: 'development',
        LONGSHORE_HTTP_PORT: '0',
        LONGSHORE_PARENT_FD: '3',
        LONGSHORE_C: 'cluster',
      };
      expect(processes.get('owner-2')?.ready['env']).toEqual(common);
      expect(cluster.executor(2).ready['env']).toEqual({
        ...common,
        LONGSHORE_NODE_ID: 'executor-2',
        LONGSHORE_A: 'all',
        LONGSHORE_B: 'number 2',
      });
      expect(await canQuery(databaseUrl)).toBe(true);
      await expect(connect({ servers: natsUrl, reconnect: false })).rejects.toThrow(/authorization/i);
      expect(cluster.broker?.stats.connections).toBe(6);
    } finally {
      await Promise.all([cluster.stop(), cluster.stop()]);
    }
    expect(new Set(stops.slice(0, 2))).toEqual(new Set(['executor-1', 'executor-2']));
    expect(stops).toHaveLength(6);
    expect([...processes.values()].filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(existsSync(postgres!.dataDir)).toBe(false);
    await expect(connect({ servers: natsUrl, reconnect: false })).rejects.toThrow();
  });

  test('uses the servers it is given, and leaves them running', async () => {
    const [postgres, broker] = await Promise.all([startPostgres({ durable: false }), startBroker()]);
    const cluster = await start({ postgresUrl: postgres.url, natsUrl: broker.url });
    expect(cluster).toMatchObject({ databaseUrl: postgres.url, natsUrl: broker.url, natsToken: undefined });
    expect([cluster.postgres, cluster.broker]).toEqual([undefined, undefined]);
    await expect(cluster.restart('broker')).rejects.toMatchObject({ code: 'EMBEDDED_UNKNOWN_PROCESS' });
    await cluster.stop();
    expect(await canQuery(postgres.url)).toBe(true);
    await Promise.all([postgres.stop(), broker.stop()]);
  });

  test('throws the first failure and leaves nothing running', async () => {
    const broker = await startBroker();
    const postgres = await startPostgres({ durable: false });
    const failing = start({
      postgresUrl: postgres.url,
      natsUrl: broker.url,
      services: {
        ...services,
        executor: { entry, count: 2, instanceEnv: (n) => ({ FIXTURE_FAILS: n === 2 ? 'yes' : '' }) },
      },
    });
    await expect(failing).rejects.toMatchObject({
      code: 'FIXTURE_REFUSED',
      message: expect.stringContaining('executor-2') as string,
    });
    await waitUntil(
      () => broker.stats,
      () => broker.stats.connections === 0,
      { what: 'every process has left the broker' },
    );
    await Promise.all([postgres.stop(), broker.stop()]);
  });

  test('adds, kills and restarts processes, and restarts the servers at the same addresses', async () => {
    const unexpected: string[] = [];
    const cluster = await start({
      services: { owner: { entry }, executor: { entry, count: 1 } },
      onUnexpectedExit: (name, { signal }) => unexpected.push(`${name} ${String(signal)}`),
    });
    try {
      const added = await cluster.addExecutor({ LONGSHORE_EXTRA: 'yes' });
      expect(added.ready['env']).toMatchObject({ LONGSHORE_NODE_ID: 'executor-2', LONGSHORE_EXTRA: 'yes' });

      cluster.executor(1).kill('SIGKILL');
      await cluster.executor(1).exited;
      await cluster.restart('executor-1');
      const { pid } = added;
      await cluster.restart('executor-2');
      expect(cluster.executor(2).pid).not.toBe(pid);
      expect(cluster.executor(2).ready['env']).toMatchObject({ LONGSHORE_EXTRA: 'yes' });
      expect(unexpected).toEqual(['executor-1 SIGKILL']);

      await cluster.restart('broker');
      await waitUntil(
        () => cluster.broker?.stats,
        () => cluster.broker?.stats.connections === 3,
        { what: 'every process has connected to the new broker' },
      );
      await cluster.restart('postgres');
      expect(await canQuery(cluster.databaseUrl)).toBe(true);
      await expect(cluster.restart('owner-9')).rejects.toMatchObject({ code: 'EMBEDDED_UNKNOWN_PROCESS' });
      expect(() => cluster.executor(9)).toThrow('executor-9');
    } finally {
      await cluster.stop();
    }
    await expect(cluster.addExecutor()).rejects.toMatchObject({ code: 'EMBEDDED_CLUSTER_STOPPED' });
    for (const name of ['owner-1', 'postgres', 'broker']) {
      await expect(cluster.restart(name)).rejects.toMatchObject({ code: 'EMBEDDED_CLUSTER_STOPPED' });
    }
  });

  test('an abort ends a start under way', async () => {
    const stop = new AbortController();
    const starting = start({ signal: stop.signal });
    stop.abort(new Error('not wanted any more'));
    await expect(starting).rejects.toThrow('not wanted any more');
  });
});
