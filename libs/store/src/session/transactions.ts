import { setTimeout as wait } from 'node:timers/promises';
import { areFaultsOn, faultPoint, type FaultPoint } from '@longshore/faults';
import { Kysely, sql, type QueryResult, type RawBuilder } from 'kysely';
import type pg from 'pg';
import type { Database } from '../schema/database.ts';
import { storeError } from './open-store.ts';
import { keepSession, poolOf } from './pools.ts';
import { runCompiled } from './prepared.ts';
import { sessionDialect } from './session-dialect.ts';

export type Db = Kysely<Database>;
/** Statements of one transaction; a `Db` is none. */
export type Tx = Kysely<Database> & { readonly isTransaction: true };

/**
 * Ends the transaction with its last statements: they are sent with COMMIT right behind them, which saves a trip. When one fails,
 * nothing is committed. Nothing of the transaction can hang on their answers any more.
 *
 * @param at the place where a test may stop before COMMIT.
 */
export type Commit = <R>(last: readonly RawBuilder<R>[], at: FaultPoint) => Promise<readonly QueryResult<R>[]>;

/** Deadlock and serialization failure: Postgres chose this transaction to give way, the same one may pass now. */
const RETRIED_STATES: ReadonlySet<unknown> = new Set(['40P01', '40001']);
/** Enough for any storm seen in the chaos runs (at most 3 in a row); more means a lock order is broken. */
const MAX_TRIES = 8;

const sessions = new WeakMap<pg.PoolClient, Tx>();

/**
 * Runs `work` in one READ COMMITTED transaction; deadlocks are tried again, so `work` must have no effect outside of it.
 * Said explicitly because a server's default may differ, and the forms used here leak under other levels.
 *
 * Statements may be sent without waiting for the answers of those before; they are carried out in the order in which they were
 * sent. Wait for all of them together ({@link allTogether}): when one fails, those behind it fail too.
 *
 * @param lockTimeoutMs longest wait for a lock, in milliseconds; then Postgres's error 55P03. Default: the session's, 10,000.
 * @throws {LongshoreError} STORE_UNAVAILABLE when Postgres can't be reached; whatever `work` throws.
 */
export async function inTransaction<T>(
  db: Db,
  work: (tx: Tx, commit: Commit) => Promise<T>,
  lockTimeoutMs?: number,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await inOneTransaction(db, work, lockTimeoutMs);
    } catch (thrown) {
      const code = (thrown as { code?: unknown } | null)?.code;
      if (!RETRIED_STATES.has(code) || tries >= MAX_TRIES) throw storeError(thrown);
      await wait(Math.random() * 10 * tries);
    }
  }
}

/**
 * Waits for statements that were sent together. When one fails, those behind it fail too, with an error that says no more than that; which
 * error arrives first is chance.
 *
 * @throws the error of the first one, in the order in which they were sent.
 */
export async function allTogether<T extends readonly unknown[]>(
  sent: readonly [...T],
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const settled = await Promise.allSettled(sent);
  const answers = settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  return answers as { -readonly [Index in keyof T]: Awaited<T[Index]> };
}

/**
 * A statement that lets its transaction's commit reach the disk a moment later, with the next one that is waited for: a crash of Postgres may then
 * take it back, but none that came after it stays without it. For what only later transactions build on, such as a control subtask
 * that is there to be claimed: the next pass would decide the same again. Never for what a client or a runner is told.
 */
export const COMMIT_LATER: RawBuilder<unknown> = sql`SET LOCAL synchronous_commit = off`;

async function inOneTransaction<T>(
  db: Db,
  work: (tx: Tx, commit: Commit) => Promise<T>,
  lockTimeoutMs: number | undefined,
): Promise<T> {
  const session = await poolOf(db).connect();
  const state = { isOver: false, isBroken: false };
  const end = async (): Promise<void> => {
    state.isOver = true;
    // Postgres answers with ROLLBACK when a statement has failed before.
    const { command } = await session.query('COMMIT');
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back, since a statement of it had failed');
  };
  const tx = transactionOf(session);
  const commit: Commit = async (last, at) => {
    // Compiled and sent here and now: Kysely would send them a moment later, and COMMIT would overtake them.
    const answers = Promise.all(last.map((statement) => runCompiled(session, statement.compile(tx))));
    if (areFaultsOn) {
      await answers;
      await faultPoint(at);
    }
    const [answered, ended] = await Promise.allSettled([answers, end()]);
    // A statement's error says more than that nothing was committed.
    if (answered.status === 'rejected') throw answered.reason;
    if (ended.status === 'rejected') throw ended.reason;
    return answered.value;
  };
  try {
    // One message, so that the time-out takes no trip of its own.
    const limit = lockTimeoutMs === undefined ? '' : `; SET LOCAL lock_timeout = ${lockTimeoutMs}`;
    const begun = session.query(`BEGIN ISOLATION LEVEL READ COMMITTED${limit}`);
    begun.catch(() => undefined);
    const result = await work(tx, commit);
    await begun;
    if (!state.isOver) await end();
    return result;
  } catch (error) {
    if (!state.isOver) await session.query('ROLLBACK').catch(() => (state.isBroken = true));
    throw error;
  } finally {
    session.release(state.isBroken);
  }
}

/**
 * Reads several things by one session, in one trip: as many sessions at once would be as many processes of the server that are woken. No
 * transaction: each statement has a snapshot of its own.
 *
 * @throws {LongshoreError} STORE_UNAVAILABLE when Postgres can't be reached.
 */
export async function readTogether<T>(db: Db, read: (session: Db) => Promise<T>): Promise<T> {
  const session = await poolOf(db)
    .connect()
    .catch((error: unknown) => {
      throw storeError(error);
    });
  try {
    return await read(transactionOf(session));
  } finally {
    session.release();
  }
}

/** Kysely over a session, kept as long as the session. Typed as a transaction, so that nothing else is taken for one. */
function transactionOf(session: pg.PoolClient): Tx {
  const known = sessions.get(session);
  if (known !== undefined) return known;
  const made = new Kysely<Database>({ dialect: sessionDialect(session) }) as Tx;
  sessions.set(session, made);
  keepSession(made, session);
  return made;
}
