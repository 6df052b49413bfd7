import { orAborted } from '@longshore/core';
import { openSessionPool, type DestroyableSockets } from '@longshore/postgres';
import type { SqlClient } from '@longshore/sdk';
import { awayErrorIn, isAway, mayBeAway, pause } from '@longshore/sdk/postgres';
import type pg from 'pg';
import { applicationName, type EffectOwner } from './effect-owner.ts';
import { ensureEffectsSchema } from './effects-schema.ts';
import { SESSION_LIMITS, SESSION_SETTINGS } from './session-settings.ts';
import { sqlClient, type OnStatement } from './sql-client.ts';

/** One session works, another one may look, or end what blocks the first. */
const SESSIONS = 2;
/** How long work that nobody waits for any more may go on when the sessions are closed, in milliseconds: the hook is over. */
const CLOSE_GRACE_MS = 1_000;

/** The first and the longest wait between two tries to connect, in milliseconds. */
const CONNECT_AGAIN_MS = { first: 1_000, longest: 30_000 } as const;

/** What an attempt does about a target that can't be reached. */
export interface AwayRule {
  /**
   * Whether its task has been in its targets before, so that a refused login or a name that doesn't resolve says that the target is away, and
   * not that the connection is wrong. Default false.
   */
  readonly hasBeenThere?: boolean;
  /** Told each error that says that the target is away. Default: nobody is. */
  readonly onAway?: (error: Error) => void;
  /**
   * Connects again until it succeeds, and says so meanwhile: for work that may not start again. Answers what ends the wait. Default: the
   * error is thrown.
   */
  readonly waitFor?: (error: Error) => () => void;
}

/** What an attempt does besides its work. */
export interface SessionRules {
  /** Default: an error is thrown, and nobody is told. */
  readonly away?: AwayRule;
  /** Called each time that a session is there, before anything is done in it. Default: nothing is. */
  readonly beforeUse?: () => Promise<void>;
  /** Told of each statement. Default: nobody is. */
  readonly onStatement?: OnStatement | undefined;
}

/**
 * The sessions of one attempt of one subtask in a target. They are named after the attempt in their start-up packet (set later
 * it would leave a moment without a name, and a rollback would undo it), so they aren't shared between subtasks.
 */
export class TargetSessions {
  readonly #pool: pg.Pool;
  readonly #signal: AbortSignal;
  readonly #rule: AwayRule;
  readonly #beforeUse: (() => Promise<void>) | undefined;
  readonly #onStatement: OnStatement | undefined;
  readonly #sockets: DestroyableSockets;
  /** Sessions that are lent out: each takes itself back, as broken or not. */
  readonly #lent = new Set<(isBroken: boolean) => void>();
  #closing: Promise<void> | undefined;
  #schemaReady: Promise<void> | null = null;

  /** @param signal ends the sessions when aborted: an open transaction is rolled back by the server. */
  constructor(
    url: string,
    owner: EffectOwner,
    signal: AbortSignal,
    { away = {}, beforeUse, onStatement }: SessionRules = {},
  ) {
    this.#signal = signal;
    this.#rule = away;
    this.#beforeUse = beforeUse;
    this.#onStatement = onStatement;
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
      await this.#beforeUse?.();
      const result = await work(sqlClient(client, this.#onStatement));
      this.#signal.throwIfAborted();
      // A transaction that was left open would become a part of what is done next in this session.
      release(client.getTransactionStatus() !== 'I');
      return result;
    } catch (error) {
      release(true);
      // What an abort makes of a driver's call is noise; the reason of the abort is what happened.
      this.#signal.throwIfAborted();
      // A task type may have given it words of its own.
      const away = awayErrorIn(error);
      if (away !== null) this.#rule.onAway?.(away);
      throw error;
    }
  }

  /**
   * Nothing has been sent yet by a session that isn't there, so connecting again is safe for any work.
   *
   * @throws the error that says that the target is away, unless the rule is to wait.
   */
  async #connect(): Promise<pg.PoolClient> {
    for (let waitMs: number = CONNECT_AGAIN_MS.first; ; waitMs = Math.min(2 * waitMs, CONNECT_AGAIN_MS.longest)) {
      try {
        return await this.#connectOnce();
      } catch (error) {
        if (!isAway(error) && !(this.#rule.hasBeenThere === true && mayBeAway(error))) throw error;
        this.#rule.onAway?.(error);
        if (this.#rule.waitFor === undefined) throw error;
        const endWait = this.#rule.waitFor(error);
        try {
          await pause(waitMs, this.#signal);
        } finally {
          endWait();
        }
      }
    }
  }

  /** Waits for a session, or for the signal: whoever waits for a connection must not start to work after the abort. */
  async #connectOnce(): Promise<pg.PoolClient> {
    this.#signal.throwIfAborted();
    const connecting = this.#pool.connect();
    try {
      return await orAborted(connecting, this.#signal);
    } catch (error) {
      // A session that comes after the abort is nobody's.
      connecting.then(
        (late) => late.release(true),
        () => undefined,
      );
      throw error;
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
