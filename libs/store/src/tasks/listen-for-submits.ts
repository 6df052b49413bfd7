import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { poolOf } from '../session/pools.ts';
import { storeError } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** The channel that the SQL function notifies; NOTIFY is Postgres's, so its name says whose it is. */
const CHANNEL = 'longshore_submit';
/**
 * How often the session asks for an answer, in milliseconds: one that was dropped on the way would hear nothing for ever, and nobody would
 * notice. Unanswered, it is given up like any other session.
 */
const HEARTBEAT_MS = 5_000;
/** Pause before a lost session is replaced, in milliseconds: the owner's poll finds meanwhile what a notice would have told. */
const RECONNECT_MS = 1_000;

export interface SubmitListener {
  /** A task may have been submitted within a transaction. Also called whenever listening begins: notices before that were missed. */
  readonly onSubmit: () => void;
  /** The session was lost, or could not be had; another one is tried. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Listens for tasks that the SQL function writes, in a session of its own, until the signal is aborted. A lost session is replaced. Only a
 * hint: behind a pooler that gives each transaction another session nothing is heard, and the owner's poll has to find them.
 */
export async function listenForSubmits(db: Db, listener: SubmitListener): Promise<void> {
  const { signal } = listener;
  while (!signal.aborted) {
    try {
      await listenOnce(db, listener);
    } catch (thrown) {
      listener.onError(storeError(thrown));
    }
    await wait(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Listens in one session. @throws what ended it; resolves when the signal is aborted. */
async function listenOnce(db: Db, { onSubmit, signal }: SubmitListener): Promise<void> {
  const session = await poolOf(db).connect();
  const end = endOf(session, signal);
  const over = new AbortController();
  try {
    session.on('notification', onSubmit);
    await Promise.race([session.query(`LISTEN ${CHANNEL}`), end]);
    onSubmit();
    await Promise.race([end, beating(session, over.signal)]);
  } finally {
    over.abort();
    session.off('notification', onSubmit);
    // Closed, not given back: whoever got it next would hear our notices.
    session.release(true);
  }
}

/** Resolves when the signal is aborted. @throws what ended the session. */
async function beating(session: pg.PoolClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await session.query('SELECT 1');
    await wait(HEARTBEAT_MS, undefined, { signal }).catch(() => undefined);
  }
}

function endOf(session: pg.PoolClient, signal: AbortSignal): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    session.once('error', reject);
    session.once('end', () => reject(new Error('Connection terminated while listening for submits')));
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // It may end while something else is waited for.
  ended.catch(() => undefined);
  return ended;
}
