import { randomUUID } from 'node:crypto';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';

import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import { findFreePort } from '../find-free-port.ts';
import type { Broker, BrokerOptions } from './broker-options.ts';
import { ClientConnection, type ConnectionLimits } from './client-connection.ts';
import { MessageRouter } from './message-router.ts';

const mebibyte = 1024 * 1024;
const defaults = {
  maxPayloadBytes: mebibyte,
  maxPendingBytes: 64 * mebibyte,
  pingIntervalMs: 120_000,
  maxSubscriptions: 10_000,
};
const defaultMaxConnections = 1_024;
/** All clients may have as many subscriptions as so many have at most. */
const clientsWithMost = 10;

/** The largest a real server can be set to without a warning is 8 MiB; memory is the bound here. */
const largestPayloadBytes = 64 * mebibyte;

/** `setInterval` takes no more. */
const longestTimerMs = 2 ** 31 - 1;

/** Free ports to try when another process takes one between the search and the listen. */
const maxPortTries = 5;

/** The version whose behaviour the conformance suite compares with; clients read features from it. */
const serverVersion = '2.9.10';

/**
 * Starts a broker in this process that speaks the core NATS client protocol: publish and subscribe with wildcards, queue
 * groups, request and reply with no-responders, headers, a token. No JetStream, accounts, TLS or clusters. Any NATS
 * client connects to it as to a real server; one conformance suite runs against both.
 *
 * It listens on loopback only: it is a development tool that encrypts nothing.
 *
 * @throws {EmbeddedError} `EMBEDDED_BROKER_NOT_LOOPBACK` for another host, `EMBEDDED_BROKER_INVALID_OPTION` for a limit
 *   out of bounds, `EMBEDDED_PORT_IN_USE` for a fixed port that is taken.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { host = '127.0.0.1', port: wantedPort = 0, token, random = Math.random } = options;
  checkLoopback(host);
  const given = { ...defaults, ...withoutUndefined(options), token };
  const limits = checkLimits({ ...given, maxAllSubscriptions: clientsWithMost * given.maxSubscriptions });
  const { maxConnections = defaultMaxConnections } = options;
  checkBounds('maxConnections', maxConnections, 1, 65_535);
  const router = new MessageRouter(random);
  const serverId = randomUUID();
  let clientId = 0;
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    clientId += 1;
    const info = {
      server_id: serverId,
      server_name: 'longshore-embedded',
      version: serverVersion,
      proto: 1,
      host,
      port,
      headers: true,
      max_payload: limits.maxPayloadBytes,
      client_id: clientId,
      client_ip: socket.remoteAddress,
      ...(token !== undefined && { auth_required: true }),
    };
    const client = new ClientConnection(socket, router, limits, info);
    if (router.connections >= maxConnections) client.refuse();
    else router.welcome(client);
  });
  const port = await listen(server, host, wantedPort);

  let stopping: Promise<void> | undefined;
  return {
    url: `nats://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    host,
    port,
    get stats() {
      return router.stats;
    },
    stop: () => (stopping ??= stop(server, router)),
  };
}

function stop(server: Server, router: MessageRouter): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    router.closeAll();
  });
}

function checkLoopback(host: string): void {
  if (host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)) return;
  throw new EmbeddedError(
    embeddedErrorCodes.brokerNotLoopback,
    `The embedded broker listens on loopback only, not on ${host}: it encrypts nothing and is made for one machine. ` +
      'Use 127.0.0.1, or run a real nats-server for other machines.',
    { permanent: true },
  );
}

function checkLimits(limits: ConnectionLimits): ConnectionLimits {
  checkBounds('maxPayloadBytes', limits.maxPayloadBytes, 1, largestPayloadBytes);
  checkBounds('maxPendingBytes', limits.maxPendingBytes, limits.maxPayloadBytes, Number.MAX_SAFE_INTEGER);
  checkBounds('maxSubscriptions', limits.maxSubscriptions, 1, 1_000_000);
  checkBounds('pingIntervalMs', limits.pingIntervalMs, 1, longestTimerMs);
  return limits;
}

function checkBounds(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new EmbeddedError(
    embeddedErrorCodes.brokerInvalidOption,
    `${name} of the embedded broker is ${value}; it must be a whole number from ${least} to ${most}.`,
    { permanent: true },
  );
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

async function listen(server: Server, host: string, wanted: number): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = wanted === 0 ? await findFreePort(host) : wanted;
    const failure = await listenOn(server, host, port);
    if (failure === undefined) return port;
    if (failure.code !== 'EADDRINUSE') throw failure;
    if (wanted !== 0 || tries === maxPortTries) {
      const message = `Port ${port} on ${host} is in use; stop what listens there, or pass port 0 for a free one.`;
      throw new EmbeddedError(embeddedErrorCodes.portInUse, message, { cause: failure });
    }
  }
}

function listenOn(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', resolve);
      resolve(undefined);
    });
  });
}
