import { randomBytes } from 'node:crypto';

import type { Broker } from '../broker/broker-options.ts';
import { startBroker } from '../broker/start-broker.ts';
import type { EmbeddedPostgres } from '../postgres/postgres-options.ts';
import { startPostgres } from '../postgres/start-postgres.ts';
import type { ClusterAddresses, LocalClusterOptions } from './local-cluster-options.ts';

/** Postgres and NATS of a cluster: embedded ones, or addresses that were given. */
export interface ClusterServers {
  readonly addresses: ClusterAddresses;
  readonly postgres: EmbeddedPostgres | undefined;
  /** A restart puts a new broker here. */
  broker: Broker | undefined;
}

/** Starts both at the same time; when one fails, the other is stopped again. */
export async function startServers(options: LocalClusterOptions): Promise<ClusterServers> {
  const token =
    options.natsToken ?? (options.natsUrl === undefined ? randomBytes(24).toString('base64url') : undefined);
  const [postgres, broker] = await Promise.allSettled([
    options.postgresUrl === undefined
      ? startPostgres({ ...options.postgres, ...(options.signal !== undefined && { signal: options.signal }) })
      : undefined,
    options.natsUrl === undefined
      ? startBroker({ ...options.broker, ...(token !== undefined && { token }) })
      : undefined,
  ]);
  if (postgres.status === 'rejected' || broker.status === 'rejected') {
    if (postgres.status === 'fulfilled') await postgres.value?.stop();
    if (broker.status === 'fulfilled') await broker.value?.stop();
    throw postgres.status === 'rejected' ? postgres.reason : (broker as PromiseRejectedResult).reason;
  }
  return {
    postgres: postgres.value,
    broker: broker.value,
    addresses: {
      cluster: options.cluster ?? 'local',
      databaseUrl: options.postgresUrl ?? postgres.value?.url ?? '',
      natsUrl: options.natsUrl ?? broker.value?.url ?? '',
      natsToken: token,
    },
  };
}

/** A new broker at the same address. */
export async function restartBroker(servers: ClusterServers, options: LocalClusterOptions): Promise<void> {
  const { broker, addresses } = servers;
  if (broker === undefined) return;
  await broker.stop();
  const { port, host } = broker;
  const token = addresses.natsToken;
  servers.broker = await startBroker({ ...options.broker, host, port, ...(token !== undefined && { token }) });
}
