import { LongshoreError } from '@longshore/core';
import { openSessionPool, type SessionLimits, type SessionSettings } from '@longshore/postgres';
import { Kysely, PostgresDialect } from 'kysely';
import type { Database } from '../schema/database.ts';
import { areSettingsRefused } from './pooled-sessions.ts';
import { keepPool } from './pools.ts';
import { LEASE_SESSIONS, leaseLimits, leaseSettings, storeLimits } from './session-limits.ts';

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
  /** What these sessions are started with instead of the services' settings, such as longer time-outs for migrations. */
  readonly settings?: SessionSettings;
}

/** The pool of sessions to the store. Repository functions take its `db`. */
export interface Store {
  readonly db: Kysely<Database>;
  /**
   * Opens sessions to the same store for a lease alone, so that its renewal waits for nothing else. Every wait in them ends well before the
   * lease does, on the server and here: there is time for another try.
   *
   * @param ttlMs how long the lease lasts without a renewal, in milliseconds.
   */
  openForLease(ttlMs: number): Store;
  close(): Promise<void>;
}

/**
 * Settings of every session. Set in the start-up packet, so that there is no moment without them.
 * - A stopped process must not keep locks: its idle transaction ends after 10 s, its statement after 30 s, its wait for a
 *   lock after 10 s. Our own transactions take milliseconds.
 * - A vanished host's session ends by keep-alives (7 s) or, blocked while sending, by the user time-out.
 * - Statements outside of a transaction of ours need READ COMMITTED too: under another default of the server a renewal that meets
 *   another write fails instead of waiting.
 */
export const SESSION_SETTINGS: SessionSettings = {
  search_path: SCHEMA,
  default_transaction_isolation: 'read committed',
  idle_in_transaction_session_timeout: '10s',
  statement_timeout: '30s',
  lock_timeout: '10s',
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '1',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '5s',
  client_connection_check_interval: '1s',
  // Plans must not depend on who analysed when. A scheduling pass beside 400,000 planned rows took more than 30 s once they were
  // analysed: a scan of the whole table for each of 1,000 tasks. Every hot statement has an index; workers and just-in-time
  // compilation cost more than these statements take.
  enable_seqscan: 'off',
  // A page that ends at its limit must not look up all rows of its task first, which a bitmap does.
  enable_bitmapscan: 'off',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  // One plan for all parameters, made once a session. Left to itself, Postgres planned what joins with `unnest($1)` anew each time, since it takes
  // an array that it knows for shorter: more than the statement itself took. What is sent often had to be good with such a plan anyway.
  plan_cache_mode: 'force_generic_plan',
};

/** Opens a pool of sessions. Nothing is connected until the first query. */
export function openStore(options: StoreOptions): Store {
  const settings = { ...SESSION_SETTINGS, ...options.settings };
  return openLimited({ ...options, settings }, storeLimits(settings));
}

function openLimited(options: StoreOptions & { readonly settings: SessionSettings }, limits: SessionLimits): Store {
  const { pool, sockets } = openSessionPool({
    url: options.url,
    applicationName: options.applicationName,
    settings: options.settings,
    maxSessions: options.maxConnections ?? 8,
    limits,
    idleTimeoutMs: 60_000,
    // Statements of a transaction are sent without waiting for the answers of those before.
    isPipelined: true,
    mustWrite: true,
    ...(options.onConnectionError !== undefined && { onSessionLost: options.onConnectionError }),
  });
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  keepPool(db, pool);
  return {
    db,
    openForLease: (ttlMs) =>
      openLimited(
        {
          ...options,
          applicationName: `${options.applicationName.slice(0, 57)}/lease`,
          maxConnections: LEASE_SESSIONS,
          settings: { ...options.settings, ...leaseSettings(ttlMs) },
        },
        leaseLimits(ttlMs),
      ),
    close: async () => {
      await db.destroy();
      // A server that doesn't answer to a goodbye must not keep the process.
      sockets.unrefAll();
    },
  };
}

/**
 * SQLSTATE classes and driver errors that mean "the server or the session is away", as opposed to "the statement is wrong". 25P03 and
 * 25P04 end the session of a process that was stopped in the middle of a transaction: nothing of it was written. 25006 comes from a standby, or
 * from a server that was told to take no writes: the store is somewhere else, or will be back.
 */
const AWAY = /^(08|57P0[1-5]|25P0[34]|25006|53300|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/;
const AWAY_TEXT =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/;

/** Whether an error means that Postgres can't be reached now, so that the same may succeed later. */
export function isStoreAway(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = (thrown as { code?: unknown }).code;
  if (code === 'STORE_UNAVAILABLE') return true;
  if (areSettingsRefused(thrown)) return false;
  if (thrown instanceof AggregateError) return thrown.errors.some(isStoreAway);
  return (typeof code === 'string' && AWAY.test(code)) || AWAY_TEXT.test(thrown.message);
}

/** Wraps errors of an unreachable store in one with a stable code; returns others as they are. */
export function storeError(thrown: unknown): unknown {
  if (!isStoreAway(thrown) || LongshoreError.is(thrown)) return thrown;
  const reason = thrown instanceof Error && thrown.message !== '' ? thrown.message : 'no connection';
  return new LongshoreError('STORE_UNAVAILABLE', `Postgres cannot be reached: ${reason}`, { cause: thrown });
}

/** Runs a statement outside of a transaction. @throws {LongshoreError} STORE_UNAVAILABLE when Postgres can't be reached. */
export async function fromStore<T>(statement: Promise<T>): Promise<T> {
  try {
    return await statement;
  } catch (thrown) {
    throw storeError(thrown);
  }
}
