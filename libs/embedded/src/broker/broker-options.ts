/** What {@link startBroker} takes. */
export interface BrokerOptions {
  /** Loopback address to listen on: `127.0.0.1` (default), another `127.x.x.x`, `::1` or `localhost`. */
  readonly host?: string;
  /** TCP port. Default 0: a free one between 15000 and 32767. */
  readonly port?: number;
  /** Token a client must give (`auth_token`). Default none: every process of this machine may connect. */
  readonly token?: string;
  /** Largest payload with headers, in bytes. Default 1 MiB, like the real server; 1 to 64 MiB. */
  readonly maxPayloadBytes?: number;
  /**
   * Bytes that may wait for one client before it is cut off as a slow consumer. Default 64 MiB, like the real server;
   * at least `maxPayloadBytes`. They are memory of this process: lower it where many clients may hang at once.
   */
  readonly maxPendingBytes?: number;
  /** Milliseconds between pings to a client; it is cut off when two stay unanswered. Default 120000. */
  readonly pingIntervalMs?: number;
  /** Clients at once. Default 1,024; others get `maximum connections exceeded`. */
  readonly maxConnections?: number;
  /**
   * Subscriptions of one client. Default 10,000, and ten times as many of all clients; beyond it a client gets
   * `maximum subscriptions exceeded`. They are memory of this process.
   */
  readonly maxSubscriptions?: number;
  /** Picks the member of a queue group that gets a message: a number in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** A running broker. It lives in this process and ends with it. */
export interface Broker {
  /** `nats://<host>:<port>`, without the token. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Closes every connection and the port. Safe to call twice. */
  readonly stop: () => Promise<void>;
  /** What it holds and has done so far; a new object on every read. */
  readonly stats: BrokerStats;
}

export interface BrokerStats {
  /** Open connections. */
  readonly connections: number;
  /** Subscriptions of open connections. */
  readonly subscriptions: number;
  /** Messages and payload bytes (headers included) that clients published. */
  readonly inMessages: number;
  readonly inBytes: number;
  /** Messages and payload bytes that were handed to clients. */
  readonly outMessages: number;
  readonly outBytes: number;
  /** Clients cut off because they did not read. */
  readonly slowConsumers: number;
}
