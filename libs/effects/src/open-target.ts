import type { EffectOutcome, JsonValue, SqlClient, TargetConnection } from '@longshore/sdk';
import pg from 'pg';
import { applicationName, type EffectOwner } from './effect-owner.ts';
import { completeLedgerRow, deleteLedger, readLedger, readLedgerResult, takeLedgerRow } from './ledger-rows.ts';
import { ensureLedger } from './ledger-schema.ts';
import { sessionOptions } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

export interface TargetOptions {
  /** The connection's name in task metas. */
  readonly name: string;
  /** `postgres://…` */
  readonly url: string;
  readonly owner: EffectOwner;
  /** Ends the sessions when aborted: an open transaction is rolled back by the server. */
  readonly signal: AbortSignal;
}

/** A target connection of one attempt of one subtask, with its own sessions. */
export interface OpenTarget {
  readonly connection: TargetConnection;
  close(): Promise<void>;
}

/** One session works, another one may look meanwhile. */
const SESSIONS = 2;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Prepares a connection to a target; the first use connects. Sessions are named after the attempt in their start-up packet (set
 * later it would leave a moment without a name, and a rollback would undo it), so they aren't shared between subtasks.
 */
export function openTarget(options: TargetOptions): OpenTarget {
  const { owner, signal } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: applicationName(owner),
    options: sessionOptions(),
    max: SESSIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // A session that the server ends must fail its query, not this process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));

  const withSession = async <T>(work: (client: SqlClient) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const client = await pool.connect();
    let isReleased = false;
    const release = (isBroken: boolean): void => {
      if (isReleased) return;
      isReleased = true;
      // A session given back as broken is closed: in the middle of a statement or a COPY its socket is destroyed, and the server
      // rolls back.
      client.release(isBroken);
    };
    const onAbort = (): void => release(true);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await work(sqlClient(client));
      signal.throwIfAborted();
      release(false);
      return result;
    } catch (error) {
      release(true);
      // What an abort makes of a driver's call is noise; the reason of the abort is what happened.
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };

  let ledgerReady: Promise<void> | null = null;
  const withLedger = async <T>(work: (client: SqlClient) => Promise<T>): Promise<T> =>
    withSession(async (client) => {
      ledgerReady ??= ensureLedger(client);
      await ledgerReady.catch((error: unknown) => {
        ledgerReady = null;
        throw error;
      });
      return work(client);
    });

  const inTransaction = <T>(work: (client: SqlClient) => Promise<T>): Promise<T> =>
    withLedger(async (client) => {
      // READ COMMITTED, whatever the server's default is: a second attempt must see what the one it waited for has committed.
      await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    });

  const connection: TargetConnection = {
    name: options.name,
    read: withSession,
    effectOnce: <R extends JsonValue>(work: (client: SqlClient) => Promise<R>): Promise<EffectOutcome<R>> =>
      inTransaction(async (client) => {
        if (!(await takeLedgerRow(client, owner))) {
          return { result: (await readLedgerResult(client, owner)) as R, isRepeat: true };
        }
        const result = await work(client);
        await completeLedgerRow(client, owner, result);
        return { result, isRepeat: false };
      }),
    ledger: (step) => withLedger((client) => readLedger(client, owner, step ?? null)),
    revertEffects: (work) =>
      inTransaction(async (client) => {
        const result = await work(client, await readLedger(client, owner, null));
        await deleteLedger(client, owner);
        return result;
      }),
  };
  return { connection, close: () => pool.end() };
}
