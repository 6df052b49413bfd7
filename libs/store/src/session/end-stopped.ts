import { endingBlockers, type SendStatement } from '@longshore/postgres';
import { CompiledQuery } from 'kysely';
import type { Db, Tx } from './transactions.ts';

/** How long a lock wait may last before its blockers are ended, in milliseconds: beyond any healthy transaction of ours. */
const PATIENCE_MS = 250;

/**
 * Others that run the same statement are as healthy as this session: they are in front of it in the queue for the row, or have just
 * got it. Of the rest, one is stopped in which nothing has happened for a while.
 */
const STOPPED = {
  condition: `blocker.state_change < clock_timestamp() - $2::interval
    AND NOT (blocker.state = 'active' AND blocker.query = own.query)`,
  values: [`${PATIENCE_MS} milliseconds`],
};

/**
 * Runs a statement that may wait for a lock which a stopped or vanished process holds; while it waits, a second session ends the
 * sessions that block it. Time-outs of the server would do it too, but only after lease, statement and idle time-outs added up. They
 * are the second line where this role may not end a session, or no second session is to be had.
 *
 * @param tx the waiting session.
 * @param db a pool with another session.
 * @param run the statement, in `tx`.
 */
export function endingStopped<T>(db: Db, tx: Tx, run: () => Promise<T>): Promise<T> {
  const watch = { waiting: sending(tx), other: sending(db), afterMs: PATIENCE_MS, everyMs: PATIENCE_MS, rule: STOPPED };
  return endingBlockers(watch, run);
}

function sending(db: Db): SendStatement {
  return (text, values) => db.executeQuery(CompiledQuery.raw(text, [...values]));
}
