import type { SqlClient } from '@longshore/sdk';
import pg from 'pg';
import { applicationName, type EffectOwner } from './effect-owner.ts';
import { ensureEffectsSchema } from './effects-schema.ts';
import { sessionOptions } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

/** One session works, another one may look, or end what blocks the first. */
const SESSIONS = 2;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The sessions of one attempt of one subtask in a target. They are named after the attempt in their start-up packet (set later
 * it would leave a moment without a name, and a rollback would undo it), so they aren't shared between subtasks.
 */
export class TargetSessions {
  readonly #pool: pg.Pool;
  readonly #signal: AbortSignal;
  #schemaReady: Promise<void> | null = null;

  /** @param signal ends the sessions when aborted: an open transaction is rolled back by the server. */
  constructor(url: string, owner: EffectOwner, signal: AbortSignal) {
    this.#signal = signal;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: applicationName(owner),
      options: sessionOptions(),
      max: SESSIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    // A session that the server ends must fail its query, not this process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Lends a session. After an error, or when the signal aborts, it is closed instead of going back to the pool. */
  async lend<T>(work: (client: SqlClient) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const client = await this.#pool.connect();
    let isReleased = false;
    const release = (isBroken: boolean): void => {
      if (isReleased) return;
      isReleased = true;
      // In the middle of a statement or a COPY its socket is destroyed, and the server rolls back.
      client.release(isBroken);
    };
    const onAbort = (): void => release(true);
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await work(sqlClient(client));
      this.#signal.throwIfAborted();
      release(false);
      return result;
    } catch (error) {
      release(true);
      // What an abort makes of a driver's call is noise; the reason of the abort is what happened.
      this.#signal.throwIfAborted();
      throw error;
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

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

  close(): Promise<void> {
    return this.#pool.end();
  }
}
