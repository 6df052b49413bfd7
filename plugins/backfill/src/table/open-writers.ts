import type { TargetConnection } from '@longshore/sdk';
import { pause } from '@longshore/sdk/postgres';
import type { BackfillTarget } from './backfill-target.ts';

/** A transaction of somebody else that has written to the table, or may, and is open. */
export interface OpenWriter {
  /** Names the transaction for as long as it lasts. */
  readonly transaction: string;
  /** null: a prepared transaction, which no process holds. */
  readonly pid: number | null;
  readonly application: string;
}

/** How often they are looked at, in milliseconds: a usual transaction is over by the second look, and each look locks a little. */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 500;

interface SettleOptions {
  /** Transactions that an earlier attempt waited for already; null: it is the first one, and waits for all that it sees. */
  readonly waitedFor: readonly string[] | null;
  /** Only transactions that began before it, in seconds since 1970 by the target's clock; null: all that are open now. */
  readonly startedBefore: number | null;
  /** Sessions whose name starts so are our own, and add no rows. */
  readonly ownPrefix: string;
  readonly signal: AbortSignal;
  /** Called with those that are waited for, each time when others are. */
  readonly onWaiting: (writers: readonly OpenWriter[]) => void;
  /** Called when it has waited for long and is still waiting; what it throws ends the wait. */
  readonly onLong: (writers: readonly OpenWriter[]) => Promise<never>;
}

/** A wait is long after this, in milliseconds: most transactions are over by then. */
const LONG_MS = 5_000;

/**
 * Waits until every transaction that is writing to the table now has ended, as CREATE INDEX CONCURRENTLY does. An identity
 * column's value is taken by an INSERT that holds its lock on the table already, so after the wait no row can appear any more with
 * a key that was given out before it. Without it a row that was added early and committed late would come to lie behind us.
 */
export async function settleWriters(
  connection: TargetConnection,
  target: BackfillTarget,
  { waitedFor: before, startedBefore, ownPrefix, signal, onWaiting, onLong }: SettleOptions,
): Promise<void> {
  const begun = performance.now();
  let waitedFor: ReadonlySet<string> | null = before === null ? null : new Set(before);
  let shown = 0;
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(LAST_LOOK_MS, lookMs * 2)) {
    const open = await readOpenWriters(connection, target, startedBefore, ownPrefix);
    // Those that came after the first look are not waited for, or a busy table would have no end.
    const left: OpenWriter[] = open.filter(({ transaction }) => waitedFor?.has(transaction) ?? true);
    if (left.length === 0) return;
    // They only become fewer. What is over by the second look is no wait to speak of.
    if (waitedFor !== null && shown !== left.length) onWaiting(left);
    if (performance.now() - begun > LONG_MS) await onLong(left);
    shown = waitedFor === null ? 0 : left.length;
    waitedFor = new Set(left.map(({ transaction }) => transaction));
    await pause(lookMs, signal);
  }
}

async function readOpenWriters(
  connection: TargetConnection,
  target: BackfillTarget,
  startedBefore: number | null,
  ownPrefix: string,
): Promise<readonly OpenWriter[]> {
  const found = await connection.read((client) =>
    client.query<OpenWriter & Record<string, unknown>>(
      // Who may not see when another role's transaction began waits for it. A number holds the time to less than a microsecond.
      `SELECT DISTINCT l.virtualtransaction AS transaction, l.pid, coalesce(a.application_name, '') AS application
         FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'relation' AND l.granted AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareLock', 'ShareUpdateExclusiveLock')
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.relation IN (SELECT $1::regclass UNION SELECT relid FROM pg_partition_tree($1::regclass))
          AND NOT starts_with(coalesce(a.application_name, ''), $2)
          AND ($3::float8 IS NULL OR a.xact_start IS NULL OR a.xact_start <= to_timestamp($3::float8) + interval '1 microsecond')`,
      [target.table, ownPrefix, startedBefore],
    ),
  );
  return found.rows;
}
