import type { SessionSettings } from '@longshore/postgres';
import type pg from 'pg';
import { SESSION_SETTINGS, type Store } from './open-store.ts';
import { droppedSettings, sessionsGivenAway } from './pooled-sessions.ts';
import { poolOf } from './pools.ts';
import { storeRefusal } from './store-refusal.ts';

/**
 * How often two sessions take turns. A pooler gives the one that was used last, so that the first turn tells, unless others use it at the
 * same time: then each turn is another chance that a session changes.
 */
const TURNS = 10;

/**
 * Checks that a session of ours is one of Postgres', for as long as we have it, and has our settings: prepared statements, time-outs
 * that end a stopped process' transaction, and advisory locks need both. A pooler that gives a session to somebody else after each
 * transaction, or drops the settings of the start-up packet, is refused.
 *
 * @throws {LongshoreError} STORE_POOLED, STORE_REFUSED or STORE_UNAVAILABLE.
 */
export async function checkSessions(
  store: Pick<Store, 'db'>,
  settings: SessionSettings = SESSION_SETTINGS,
): Promise<void> {
  const pool = poolOf(store.db);
  const sessions: pg.PoolClient[] = [];
  try {
    const first = await pool.connect();
    sessions.push(first);
    const second = await pool.connect();
    sessions.push(second);
    await checkBackends(first, second);
    const dropped = await differentSettings(first, settings);
    if (dropped.length > 0) throw droppedSettings(dropped.join(', '));
  } catch (thrown) {
    throw storeRefusal(thrown);
  } finally {
    for (const session of sessions) session.release();
  }
}

/** Two clients never have the same backend, and each keeps its own. */
async function checkBackends(first: pg.PoolClient, second: pg.PoolClient): Promise<void> {
  const firstPid = await backendOf(first);
  const secondPid = await backendOf(second);
  for (let turn = 1; turn <= TURNS; turn++) {
    const isKept = (await backendOf(first)) === firstPid && (await backendOf(second)) === secondPid;
    if (!isKept || firstPid === secondPid) throw sessionsGivenAway();
  }
}

async function backendOf(session: pg.PoolClient): Promise<number | undefined> {
  const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid;
}

/** Names of the settings that this session has otherwise. The server compares, since it knows that 10s is 10000. */
async function differentSettings(session: pg.PoolClient, settings: SessionSettings): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    // Local to this statement's transaction: nothing is set.
    `SELECT name FROM unnest($1::text[], $2::text[]) AS wanted (name, value)
     WHERE current_setting(name) <> set_config(name, value, true)`,
    [Object.keys(settings), Object.values(settings)],
  );
  return rows.map((row) => row.name);
}
