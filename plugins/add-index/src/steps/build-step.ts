import {
  SummaryCounters,
  type JsonValue,
  type SqlClient,
  type StepExecutor,
  type SubtaskContext,
  type TargetConnection,
} from '@longshore/sdk';
import { isDuplicateKey, isNoRoom, qualifiedName, quoteIdentifier } from '@longshore/sdk/postgres';
import { workingName } from '../catalog/index-names.ts';
import { lookAtIndex, type IndexOnTable } from '../catalog/look-at-index.ts';
import { qualifyNames, readSteadily } from '../catalog/read-steadily.ts';
import { findTableNow, type TableNow } from '../catalog/table-now.ts';
import { createIndexText } from '../definition/create-index-text.ts';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import { withTableName } from '../errors/postgres-error.ts';
import { findLockHolder } from '../catalog/lock-holder.ts';
import { leaveBuildSlot, takeBuildSlot } from '../locking/take-build-slot.ts';
import { leaveTurn, takeTurn } from '../locking/take-turn.ts';
import type { ShowWaiting } from '../locking/show-waiting.ts';
import { withLockRetries } from '../locking/with-lock-retries.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import type { PreparedIndex } from '../meta/prepared-index.ts';
import { indexWork, type IndexMade, type IndexWork } from './index-work.ts';
import { phaseCounter, shareReporter, watchBuild, type WatchedBuild } from './watch-build.ts';

type Context = SubtaskContext<AddIndexMeta>;

/** One table's index that is to be made. */
interface Build {
  readonly context: Context;
  readonly connection: TargetConnection;
  readonly work: IndexWork;
  readonly prepared: PreparedIndex;
  /** The index's name until it is whole. */
  readonly working: string;
  readonly show: ShowWaiting;
  readonly report: (share: number) => void;
  readonly count: WatchedBuild['count'];
}

/** `blocks` and `tuples` that builds are through with, in all of their phases. */
const counters = new SummaryCounters();

/**
 * Builds one table's index in two parts. First CREATE INDEX CONCURRENTLY, which can't be in a transaction, under a name that only
 * this task has: whatever is found under it later is known as ours. Then one transaction gives the index its name and writes that into
 * the ledger. So the ledger tells exactly which indexes are ours, and a late attempt finds its work done.
 *
 * A build that was begun is the server's: it goes on when its attempt is stopped (paused, preempted, moved) or its executor dies, since
 * nobody could continue it later, and the next attempt takes it over. Only the end of the task ends it, as that closes the fence.
 */
export const buildStep: StepExecutor<AddIndexMeta> = {
  ...counters.hooks,
  async runSubtask(context: Context): Promise<JsonValue> {
    const { task, signal } = context;
    const work = indexWork.parse(context.subtask.meta);
    const prepared = preparedOfMeta(task.meta);
    const connection = context.connection(task.meta.connection);
    const working = workingName(prepared, work.tableOid);
    const show: ShowWaiting = (reason) => context.waiting(reason);
    const report = shareReporter(context, work);
    const count = phaseCounter((counts) => counters.add(context.subtask.id, counts));
    const build: Build = { context, connection, work, prepared, working, show, report, count };
    try {
      const repeated = context.attempt > 1 ? await findOwnEntry(build) : null;
      if (repeated !== null) return repeated;
      await connection.effectSession((client) => makeWhole(build, client));
      const holder = () => connection.read((client) => findLockHolder(client, [work.tableOid]));
      const outcome = await withLockRetries({ signal, show, holder }, () =>
        connection.effectOnce((client) => nameIndex(build, client)),
      );
      return outcome.result;
    } catch (error) {
      throw withTableName(error, work.table);
    }
  },
};

/** What an earlier attempt has left in the ledger: it had come to its end, and only the word of it got lost. */
async function findOwnEntry({ context, connection }: Build): Promise<JsonValue> {
  const entries = await connection.ledger(context.subtask.step);
  return entries.find((entry) => entry.subtaskId === context.subtask.id)?.result ?? null;
}

/** Sees to it that there is a whole index on the table: one that was there, one that an older attempt has built, or a new one. */
async function makeWhole(build: Build, client: SqlClient): Promise<void> {
  const { context, connection, working, show, report, count } = build;
  const { task, subtask, attempt, signal } = context;
  // A time-out of the role or the database must not end a build of hours. Nobody waits behind its locks: they let writers through.
  await client.query('SET lock_timeout = 0');
  await client.query('SET statement_timeout = 0');
  const watch = <T>(pid: number, ended: () => Promise<T>): Promise<T> =>
    watchBuild(context, { connection, pid, report, count, show }, ended);
  await takeTurn(client, { working, taskId: task.id, subtaskId: subtask.id, attempt, signal, show, watch });
  const { table, found } = await readSteadily(client, () => look(build, client));
  if (table !== null && found.equal === null && found.working?.isValid !== true) {
    const place = await takeBuildSlot(client, { limit: () => task.meta.maxConcurrentBuilds, signal, show });
    if (found.working !== null) await dropLeftover(build, client, table);
    await createConcurrently(build, client, table);
    await leaveBuildSlot(client, place);
  }
  if (table !== null && found.equal === null) report(1);
  await leaveTurn(client, working);
}

async function look(
  { work, prepared, working }: Build,
  client: SqlClient,
): Promise<{ readonly table: TableNow | null; readonly found: IndexOnTable }> {
  const { tableOid, parentIndexOid } = work;
  const table = await findTableNow(client, tableOid, prepared);
  return { table, found: await lookAtIndex(client, prepared, { tableOid, working, parentIndexOid }) };
}

async function createConcurrently(build: Build, client: SqlClient, table: TableNow): Promise<void> {
  const { context, connection, prepared, working, show, report, count } = build;
  if (prepared.tablespace !== null) {
    await client.query(`SET default_tablespace = ${quoteIdentifier(prepared.tablespace)}`);
  }
  const own = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = own.rows[0]?.pid ?? 0;
  await context.throttle.beforeBatch({ statements: 1 });
  // By it the server would end the build when its client is gone.
  await client.query('SET client_connection_check_interval = 0');
  try {
    await watchBuild(context, { connection, pid, report, count, show }, () =>
      client.query(createIndexText(prepared, { name: working, on: table.name, isConcurrent: true })),
    );
  } catch (error) {
    // What is left of a unique index would go on refusing rows; on a full disk it would keep room that is needed.
    if (isDuplicateKey(error)) await dropLeftover(build, client, table);
    else if (isNoRoom(error)) await dropLeftover(build, client, table).catch(() => undefined);
    throw error;
  }
  await client.query('RESET client_connection_check_interval');
}

/** Drops what a build of ours has left: its name says that it is. */
async function dropLeftover({ context, working }: Build, client: SqlClient, table: TableNow): Promise<void> {
  const name = qualifiedName(table.schema, working);
  context.logger.info('drops the remains of an interrupted build', { index: name });
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
}

/** Gives the built index its name; inside of the transaction that has the subtask's row in the ledger. */
async function nameIndex(build: Build, client: SqlClient): Promise<IndexMade> {
  const { context, work } = build;
  const { tableOid } = work;
  await qualifyNames(client);
  const { table, found } = await look(build, client);
  if (table === null) return { tableOid, index: null, indexOid: null, origin: 'gone' };
  if (found.working?.isValid === true) {
    await client.query(`SET LOCAL lock_timeout = ${context.task.meta.lockTimeoutMs}`);
    await client.query(
      `ALTER INDEX ${qualifiedName(table.schema, found.working.name)} RENAME TO ${quoteIdentifier(work.name)}`,
    );
    return { tableOid, index: qualifiedName(table.schema, work.name), indexOid: found.working.oid, origin: 'built' };
  }
  if (found.equal !== null) {
    const { oid, qualified } = found.equal;
    return { tableOid, index: qualified, indexOid: oid, origin: 'adopted' };
  }
  const message = `Somebody dropped the index of ${table.name} before it got its name. The task tries again.`;
  throw addIndexError(AddIndexErrorCode.Vanished, message, { table: table.name });
}
