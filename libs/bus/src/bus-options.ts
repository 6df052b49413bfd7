import { readFileSync } from 'node:fs';
import { credsAuthenticator, type NodeConnectionOptions } from '@nats-io/transport-node';

/** How to reach NATS. */
export interface BusOptions {
  /** One or several server URLs, `nats://host:4222`. */
  readonly servers: string | readonly string[];
  /** Name of the Longshore cluster: the part of every subject that keeps clusters apart. */
  readonly cluster: string;
  /** What the server shows for this connection. */
  readonly name: string;
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A NATS credentials file (JWT and seed). */
  readonly credentialsFile?: string | undefined;
  /** Files of a TLS connection; `ca` alone verifies the server, `cert` and `key` identify this client. */
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
  /**
   * True (services): wait for a server that isn't there yet, for ever. False (clients): fail with BUS_UNAVAILABLE.
   * Either way a connection that was up once is re-established for ever. Default false.
   */
  readonly waitForServer?: boolean;
  /** How long a request waits for its reply unless it says otherwise, in milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number;
  /**
   * Told about errors that a receiver of hints or a callback after a reconnect throws; delivery goes on. Default: a warning of
   * the process.
   */
  readonly onCallbackError?: (error: unknown) => void;
}

/**
 * How long between attempts to reconnect, in milliseconds: a broker that is back is used within a second, and a fleet
 * of clients doesn't hammer one that isn't.
 */
const RECONNECT_WAIT_MS = 500;

/** The servers one by one. */
export function serverList(options: Pick<BusOptions, 'servers'>): readonly string[] {
  if (typeof options.servers !== 'string') return options.servers;
  return options.servers.split(',').map((server) => server.trim());
}

/** The client library's options for ours. Reads the credentials file. */
export function natsOptions(options: BusOptions): NodeConnectionOptions {
  const { tls } = options;
  return {
    servers: [...serverList(options)],
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS / 2,
    waitOnFirstConnect: options.waitForServer ?? false,
    pingInterval: 10_000,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.password === undefined ? {} : { pass: options.password }),
    ...(options.credentialsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(readFileSync(options.credentialsFile)) }),
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
