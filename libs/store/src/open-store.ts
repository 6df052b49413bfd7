import { LongshoreError } from '@longshore/core';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from './database.ts';

/** The schema that holds everything of Longshore's. */
export const SCHEMA = 'longshore';

export interface StoreOptions {
  /** `postgres://user:password@host:port/database`; TLS by its `sslmode`. */
  readonly url: string;
  /** What Postgres shows for these sessions. */
  readonly applicationName: string;
  /** Sessions at most. Default 8. */
  readonly maxConnections?: number;
  /** Told about sessions that were lost while idle; the pool replaces them by itself. */
  readonly onConnectionError?: (error: Error) => void;
}

/** The pool of sessions to the store. Repository functions take its `db`. */
export interface Store {
  readonly db: Kysely<Database>;
  close(): Promise<void>;
}

/**
 * Settings of every session. Set in the start-up packet, so that there is no moment without them.
 * - A stopped process must not keep locks: its idle transaction ends after 10 s, its statement after 30 s, its wait for a
 *   lock after 10 s. Our own transactions take milliseconds.
 * - A vanished host's session ends by keep-alives (7 s) or, blocked while sending, by the user time-out.
 */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  search_path: SCHEMA,
  idle_in_transaction_session_timeout: '10s',
  statement_timeout: '30s',
  lock_timeout: '10s',
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '1',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '5s',
  client_connection_check_interval: '1s',
  // Plans of claims must not depend on who analysed when; just-in-time compilation costs more than these statements take.
  jit: 'off',
};

/** How long to wait for a session, in milliseconds, before STORE_UNAVAILABLE. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Opens a pool of sessions. Nothing is connected until the first query. */
export function openStore(options: StoreOptions): Store {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    options: Object.entries(SESSION_SETTINGS)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  });
  const report = options.onConnectionError ?? (() => undefined);
  // Without these listeners a session that the server ends would end this process: `error` for idle ones comes from the
  // pool, for checked-out ones from the client itself.
  pool.on('error', report);
  pool.on('connect', (client) => client.on('error', report));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { db, close: () => db.destroy() };
}

/** SQLSTATE classes and driver errors that mean "the server is away", as opposed to "the statement is wrong". */
const AWAY = /^(08|57P0[1-5]|53300|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/;
const AWAY_TEXT =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/;

/** Whether an error means that Postgres can't be reached now, so that the same may succeed later. */
export function isStoreAway(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = (thrown as { code?: unknown }).code;
  if (code === 'STORE_UNAVAILABLE') return true;
  if (thrown instanceof AggregateError) return thrown.errors.some(isStoreAway);
  return (typeof code === 'string' && AWAY.test(code)) || AWAY_TEXT.test(thrown.message);
}

/** Wraps errors of an unreachable store in one with a stable code; returns others as they are. */
export function storeError(thrown: unknown): unknown {
  if (!isStoreAway(thrown) || thrown instanceof LongshoreError) return thrown;
  const reason = thrown instanceof Error && thrown.message !== '' ? thrown.message : 'no connection';
  return new LongshoreError('STORE_UNAVAILABLE', `Postgres cannot be reached: ${reason}`, { cause: thrown });
}
