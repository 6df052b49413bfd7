import { connectBus } from '@longshore/bus';
import { principalHeaders } from '@longshore/protocol';
import type { ConnectOptions } from './client-options.ts';
import { Connection } from './connection.ts';
import { LongshoreClient } from './longshore-client.ts';

/**
 * Connects to a cluster. The connection comes back by itself when it is lost; calls made meanwhile fail at once.
 *
 * @throws {LongshoreError} BUS_UNAVAILABLE when no NATS server answers.
 * @throws {LongshoreError} ARGUMENT_INVALID when the principal has characters or a length that can't be written down.
 * @throws {RangeError} when the cluster's name doesn't fit into a subject.
 */
export async function connectLongshore(options: ConnectOptions): Promise<LongshoreClient> {
  const { requestTimeoutMs, name, principal, ...rest } = options;
  // Fails here once, and not with each request.
  if (principal !== undefined) principalHeaders(principal);
  const bus = await connectBus({
    ...rest,
    name: name ?? 'longshore-client',
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  });
  return new LongshoreClient(new Connection(bus, principal ?? null));
}
