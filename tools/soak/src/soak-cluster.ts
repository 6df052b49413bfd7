import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker, startPostgres } from '@longshore/embedded';
import { startTcpProxy, startTestCluster, type TcpProxy, type TestCluster } from '@longshore/testing';

/** A cluster whose three servers are reached through proxies that can cut, refuse and hang. */
export interface SoakCluster {
  readonly cluster: TestCluster;
  readonly proxies: { readonly store: TcpProxy; readonly nats: TcpProxy; readonly target: TcpProxy };
  /** The store without a proxy: what the soak looks at and locks must not depend on the faults. */
  readonly storeUrl: string;
  /** The target without a proxy. */
  readonly targetUrl: string;
  /** The folder that imports may read. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** The connection's name on the executors. */
export const CONNECTION = 'target';

/**
 * Starts two replicas of each service that leads, three executors, and servers of their own for the store and for the target.
 *
 * @param onLine sees every line that a process writes.
 */
export async function startSoakCluster(onLine: (process: string, line: string) => void): Promise<SoakCluster> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).toReversed()) await one();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'longshore-soak-'));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    const store = await startPostgres({ durable: false });
    stops.push(() => store.stop());
    const target = await startPostgres({ durable: false });
    stops.push(() => target.stop());
    const broker = await startBroker();
    stops.push(() => broker.stop());
    const proxies = {
      store: await startTcpProxy(store),
      nats: await startTcpProxy(broker),
      target: await startTcpProxy(target),
    };
    stops.push(() => Promise.all(Object.values(proxies).map((proxy) => proxy.close())));
    const cluster = await startTestCluster({
      plugins: [
        '@longshore/plugin-import',
        '@longshore/plugin-add-index',
        '@longshore/plugin-backfill',
        ...['./steps-task-type.ts', './rude-task-type.ts'].map((file) => fileURLToPath(new URL(file, import.meta.url))),
      ],
      executors: 3,
      slots: 4,
      replicas: 2,
      settings: { import: { roots: [folder] } },
      connections: { [CONNECTION]: proxies.target.through(target.url) },
      servers: { postgresUrl: proxies.store.through(store.url), natsUrl: proxies.nats.through(broker.url) },
      onLine,
    });
    stops.push(() => cluster.stop());
    return { cluster, proxies, storeUrl: store.url, targetUrl: target.url, folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
