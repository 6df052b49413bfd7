import type { NodeConnectionOptions } from '@nats-io/transport-node';
import type { BusOptions } from './bus-options.ts';
import { authenticatorOf, checkTlsFiles } from './login-files.ts';

/**
 * How long between attempts to reconnect, in milliseconds: a broker that is back is used within a second, and a fleet
 * of clients doesn't hammer one that isn't.
 */
const RECONNECT_WAIT_MS = 500;
/**
 * How long an attempt to connect may take, in milliseconds. The client library's 20 s delayed a start by as much when a server was met
 * that took the connection and said nothing, or a host that answered nothing, just before NATS came up.
 */
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * How often the server is asked for a sign of life, in milliseconds, and how many answers may be missing. A connection that was dropped without a
 * word is replaced after 6 to 9 s; until then its hints are lost, which polls make up for.
 */
const PING_MS = 3_000;
const MISSING_PONGS = 2;

/** A pause before the next attempt to connect, in milliseconds. */
export function reconnectWaitMs(): number {
  return RECONNECT_WAIT_MS + (Math.random() * RECONNECT_WAIT_MS) / 2;
}

/** The servers one by one. */
export function serverList(options: Pick<BusOptions, 'servers'>): readonly string[] {
  if (typeof options.servers !== 'string') return options.servers;
  return options.servers.split(',').map((server) => server.trim());
}

/**
 * The client library's options for ours. Reads the files that they name.
 *
 * @throws {LongshoreError} CONFIG_INVALID for a file that can't be used.
 */
export function natsOptions(options: BusOptions): NodeConnectionOptions {
  // The client library ignores the scheme: `tls://` alone would be served without TLS.
  const tls = options.tls ?? (serverList(options).some((server) => server.startsWith('tls://')) ? {} : undefined);
  if (tls !== undefined) checkTlsFiles(tls);
  const authenticator = authenticatorOf(options);
  return {
    servers: [...serverList(options)],
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectWaitMs,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_MS,
    maxPingOut: MISSING_PONGS,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.password === undefined ? {} : { pass: options.password }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { caFile: tls.ca }),
            ...(tls.cert === undefined ? {} : { certFile: tls.cert }),
            ...(tls.key === undefined ? {} : { keyFile: tls.key }),
          },
        }),
  };
}
