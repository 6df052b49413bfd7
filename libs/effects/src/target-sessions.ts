import { openSessionPool, type DestroyableSockets } from '@longshore/postgres';
import type { SqlClient } from '@longshore/sdk';
import type pg from 'pg';
import { applicationName, type EffectOwner } from './effect-owner.ts';
import { ensureEffectsSchema } from './effects-schema.ts';
import { SESSION_LIMITS, SESSION_SETTINGS } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

/** One session works, another one may look, or end what blocks the first. */
const SESSIONS = 2;
/** How long work that nobody waits for any more may go on when the sessions are closed, in milliseconds: the hook is over. */
const CLOSE_GRACE_MS = 1_000;

/**
 * The sessions of one attempt of one subtask in a target. They are named after the attempt in their start-up packet (set later
 * it would leave a moment without a name, and a rollback would undo it), so they aren't shared between subtasks.
 */
export class TargetSessions {
  readonly #pool: pg.Pool;
  readonly #signal: AbortSignal;
  readonly #sockets: DestroyableSockets;
  /** Sessions that are lent out: each takes itself back, as broken or not. */
  readonly #lent = new Set<(isBroken: boolean) => void>();
  #closing: Promise<void> | undefined;
  #schemaReady: Promise<void> | null = null;

  /** @param signal ends the sessions when aborted: an open transaction is rolled back by the server. */
  constructor(url: string, owner: EffectOwner, signal: AbortSignal) {
    this.#signal = signal;
    const { pool, sockets } = openSessionPool({
      url,
      applicationName: applicationName(owner),
      settings: SESSION_SETTINGS,
      maxSessions: SESSIONS,
      limits: SESSION_LIMITS,
    });
    this.#pool = pool;
    this.#sockets = sockets;
    signal.addEventListener('abort', this.#breakOff, { once: true });
  }

  /** Lends a session. After an error, or when the signal aborts, it is closed instead of going back to the pool. */
  async lend<T>(work: (client: SqlClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    const release = (isBroken: boolean): void => {
      if (this.#lent.delete(release)) client.release(isBroken);
    };
    this.#lent.add(release);
    try {
      const result = await work(sqlClient(client));
      this.#signal.throwIfAborted();
      // A transaction that was left open would become a part of what is done next in this session.
      release(client.getTransactionStatus() !== 'I');
      return result;
    } catch (error) {
      release(true);
      // What an abort makes of a driver's call is noise; the reason of the abort is what happened.
      this.#signal.throwIfAborted();
      throw error;
    }
  }

  /** Waits for a session, or for the signal: whoever waits for a connection must not start to work after the abort. */
  async #connect(): Promise<pg.PoolClient> {
    this.#signal.throwIfAborted();
    const connecting = this.#pool.connect();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(this.#signal.reason as Error);
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([connecting, aborted.promise]);
    } catch (error) {
      connecting.then(
        (late) => late.release(true),
        () => undefined,
      );
      this.#signal.throwIfAborted();
      throw error;
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  readonly #breakOff = (): void => {
    for (const release of this.#lent) release(true);
    this.#sockets.destroyAll();
  };

  /** Lends a session of a target that has Longshore's schema; made on first use. */
  lendPrepared<T>(work: (client: SqlClient) => Promise<T>): Promise<T> {
    return this.lend(async (client) => {
      this.#schemaReady ??= ensureEffectsSchema(client);
      await this.#schemaReady.catch((error: unknown) => {
        this.#schemaReady = null;
        throw error;
      });
      return work(client);
    });
  }

  /**
   * Runs `work` in a transaction. READ COMMITTED, whatever the server's default is: under a higher level the read of a fence that was
   * closed while its lock was waited for would still see it open.
   */
  transaction<T>(work: (client: SqlClient) => Promise<T>): Promise<T> {
    return this.lendPrepared(async (client) => {
      await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    });
  }

  /** Ends the sessions. Safe to call twice; what is still at work is waited for a short while, and then rolled back. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const timer = setTimeout(this.#breakOff, CLOSE_GRACE_MS);
    try {
      await this.#pool.end();
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', this.#breakOff);
      this.#sockets.unrefAll();
    }
  }
}
