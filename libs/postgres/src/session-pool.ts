import pg from 'pg';
import { busyBackends } from './backend-look.ts';
import { DestroyableSockets } from './destroyable-sockets.ts';
import { SessionClient } from './session-client.ts';
import { SilenceWatch, type SilenceLimits } from './silence-watch.ts';
import { startUpOptions, type SessionSettings } from './start-up-options.ts';

/** How long the client waits for Postgres, even if the server or the network doesn't answer. */
export interface SessionLimits extends SilenceLimits {
  /** For a session: a free one, or a new one that is connected. In milliseconds; then the driver's error. */
  readonly connectMs: number;
}

export interface SessionPoolOptions {
  /** `postgres://user:password@host:port/database`; TLS by its `sslmode`. */
  readonly url: string;
  /** What `pg_stat_activity` shows for these sessions. Postgres cuts it at 63 bytes. */
  readonly applicationName: string;
  /** What the server starts these sessions with. Default: its own settings and the URL's. */
  readonly settings?: SessionSettings;
  /** Sessions at most. */
  readonly maxSessions: number;
  readonly limits: SessionLimits;
  /** After how long an idle session is closed, in milliseconds. Default 10,000, the driver's. */
  readonly idleTimeoutMs?: number;
  /** Whether statements are sent without waiting for the answers of those before. Default false. */
  readonly isPipelined?: boolean;
  /** Whether a server that takes no writes, such as a standby, counts as one that is away: error 25006. Default false. */
  readonly mustWrite?: boolean;
  /** Told about sessions that were lost; the pool replaces them by itself. Default: nobody is. */
  readonly onSessionLost?: (error: Error) => void;
}

/** A pool of sessions whose sockets can be destroyed. */
export interface SessionPool {
  readonly pool: pg.Pool;
  readonly sockets: DestroyableSockets;
}

/** Opens a pool of sessions. Nothing is connected until the first use. */
export function openSessionPool(options: SessionPoolOptions): SessionPool {
  const { limits, mustWrite = false } = options;
  const sockets = new DestroyableSockets();
  const startUp = startUpOptions(options.url, options.applicationName, options.settings);
  const watch = new SilenceWatch(limits, (pids) => busyBackends(startUp, pids, limits.connectMs));
  const isWatched = limits.askMs !== undefined || limits.answerMs !== undefined;
  const idle = new WeakSet<pg.Client>();
  const report = options.onSessionLost ?? (() => undefined);
  const pool = new pg.Pool({
    ...startUp,
    Client: class extends SessionClient {
      constructor(config?: pg.ClientConfig) {
        super(config, mustWrite);
        if (!isWatched) return;
        watch.add(this);
        this.once('end', () => watch.remove(this));
      }

      get isLent(): boolean {
        return !idle.has(this);
      }
    },
    stream: sockets.make,
    max: options.maxSessions,
    connectionTimeoutMillis: limits.connectMs,
    keepAlive: true,
    ...(options.idleTimeoutMs !== undefined && { idleTimeoutMillis: options.idleTimeoutMs }),
    ...(options.isPipelined !== undefined && { pipeline: options.isPipelined }),
  });
  // Without these listeners a session that the server ends would end this process: `error` for idle ones comes from the
  // pool, for those in use from the client itself.
  pool.on('error', (error) => {
    // The driver hangs the whole client on it, which nobody wants to read in a log.
    Reflect.deleteProperty(error, 'client');
    report(error);
  });
  pool.on('connect', (client) => client.on('error', report));
  pool.on('acquire', (client) => idle.delete(client));
  pool.on('release', (_, client) => idle.add(client));
  return { pool, sockets };
}
