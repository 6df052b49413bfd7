import { connectBus } from '@longshore/bus';
import { principalHeaders } from '@longshore/protocol';
import type { ConnectOptions } from './client-options.ts';
import { Connection } from './connection.ts';
import { DEFAULT_CLUSTER, findCluster, type ClusterAddress, type ClusterLogin } from './find-cluster.ts';
import { LongshoreClient } from './longshore-client.ts';

/**
 * Connects to a cluster: without `servers`, to the one that LONGSHORE_NATS_URL names, or else to the `longshore dev` of this folder or of
 * one above it. The connection comes back by itself when it is lost; calls made meanwhile fail at once.
 *
 * @throws {LongshoreError} CLUSTER_NOT_FOUND when `servers` is absent and there is no other cluster to find.
 * @throws {LongshoreError} BUS_UNAVAILABLE when no NATS server answers.
 * @throws {LongshoreError} ARGUMENT_INVALID when the principal has characters or a length that can't be written down.
 * @throws {RangeError} when the cluster's name doesn't fit into a subject.
 */
export async function connectLongshore(options: ConnectOptions = {}): Promise<LongshoreClient> {
  const { requestTimeoutMs, name, principal, servers, cluster, ...login } = options;
  const address = addressOf(servers, cluster, login);
  // Fails here once, and not with each request.
  if (principal !== undefined) principalHeaders(principal);
  const bus = await connectBus({
    ...address,
    name: name ?? 'longshore-client',
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  });
  return new LongshoreClient(new Connection(bus, principal ?? null));
}

/** Logins of the environment go to the servers of the environment alone. */
function addressOf(
  servers: ConnectOptions['servers'],
  cluster: string | undefined,
  login: ClusterLogin,
): ClusterAddress {
  const env = process.env;
  if (servers !== undefined) {
    return { ...login, servers, cluster: cluster ?? (env['LONGSHORE_CLUSTER'] || DEFAULT_CLUSTER) };
  }
  const given = Object.entries(login).filter(([, value]) => value !== undefined);
  return { ...findCluster({ cluster }, env, process.cwd()), ...Object.fromEntries(given) };
}
