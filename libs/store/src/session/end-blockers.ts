import { sql } from 'kysely';
import type { Db, Tx } from './transactions.ts';

/** How long a lock wait may last before its blockers are ended, in milliseconds: beyond any healthy transaction of ours. */
const PATIENCE_MS = 250;

/**
 * Runs a statement that may wait for a lock which a stopped or vanished process holds; while it waits, a second session ends the
 * sessions that block it. Time-outs of the server would do it too, but only after lease, statement and idle time-outs added up.
 *
 * @param tx the waiting session.
 * @param db a pool with another session.
 * @param run the statement, in `tx`.
 */
export async function endingBlockers<T>(db: Db, tx: Tx, run: () => Promise<T>): Promise<T> {
  const own = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
  const pid = own.rows[0]?.pid ?? 0;
  let ending = Promise.resolve();
  let isEnding = false;
  const timer = setInterval(() => {
    if (isEnding) return;
    isEnding = true;
    ending = endBlockersOf(db, pid).finally(() => (isEnding = false));
  }, PATIENCE_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
    await ending;
  }
}

/**
 * Others that run the same statement are as healthy as this session: they are in front of it in the queue for the row, or have just
 * got it. Of the rest, one is stopped in which nothing has happened for a while. The next look tries again what this one could not.
 */
async function endBlockersOf(db: Db, pid: number): Promise<void> {
  try {
    await sql`
      SELECT pg_terminate_backend(other.pid)
      FROM pg_stat_activity own JOIN pg_stat_activity other ON other.pid = ANY(pg_blocking_pids(own.pid))
      WHERE own.pid = ${pid} AND other.state_change < clock_timestamp() - ${`${PATIENCE_MS} milliseconds`}::interval
        AND NOT (other.state = 'active' AND other.query = own.query)`.execute(db);
  } catch {
    // Without the right to end them, or without a connection, the server's time-outs are the second line.
  }
}
