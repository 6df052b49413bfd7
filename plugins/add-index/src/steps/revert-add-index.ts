import type { HookContext, LedgerEntry, SqlClient } from '@longshore/sdk';
import { findLockHolder } from '../catalog/lock-holder.ts';
import { readIndexNames } from '../catalog/tree-indexes.ts';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import { withTableName } from '../errors/postgres-error.ts';
import { logWaiting } from '../locking/show-waiting.ts';
import { withLockRetries } from '../locking/with-lock-retries.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import type { PreparedIndex } from '../meta/prepared-index.ts';
import { indexMade } from './index-work.ts';

/** Tries of one DROP INDEX before the hook fails and its retry is left to the framework, which shows why: about a minute. */
const MAX_TRIES = 16;

type Context = HookContext<AddIndexMeta>;

/**
 * Drops what this task has built, and nothing else: what the ledger names as built, by the catalog's number, and what bears the name of an
 * unfinished build of ours.
 *
 * The index of a partitioned table goes first and takes those that are attached to it along, under locks on all of them: Postgres knows no
 * other way. All others are dropped CONCURRENTLY.
 *
 * @throws {TaskTypeError} ADD_INDEX_REVERT_REFUSED when an index that was there before has been attached, so that it would be lost;
 * ADD_INDEX_LOCK_TIMEOUT, which is tried again.
 */
export async function revertAddIndex(context: Context): Promise<void> {
  const { meta } = context.task;
  const { prepared } = meta;
  // Without it prepare has not come to its end, and nothing was built; there may be no such connection or table.
  if (prepared === undefined || prepared.existing !== null) return;
  try {
    await context
      .connection(meta.connection)
      .revertSession((client, committed) => dropAll(context, client, prepared, committed));
  } catch (error) {
    throw withTableName(error, prepared.table);
  }
}

async function dropAll(
  context: Context,
  client: SqlClient,
  prepared: PreparedIndex,
  committed: readonly LedgerEntry[],
): Promise<void> {
  const made = committed.map((entry) => indexMade.parse(entry.result));
  const oids = (origin: string): string[] =>
    made.flatMap((entry) => (entry.origin === origin && entry.indexOid !== null ? [entry.indexOid] : []));
  const built = oids('built');
  await refuseIfAdopted(client, prepared, built, oids('adopted'));
  // Time-outs of the role must not end a drop that waits for the end of others' transactions, which keeps nobody waiting.
  await client.query('SET statement_timeout = 0');
  for (const { oid, isPartitioned } of await dropOrder(client, built)) {
    // An earlier one may have taken it along.
    const name = (await readIndexNames(client, [oid])).get(oid);
    if (name !== undefined) await dropOne(context, client, { oid, name, isPartitioned });
  }
  for (const { oid, name } of await readUnfinished(client, prepared)) {
    await dropOne(context, client, { oid, name, isPartitioned: false });
  }
  context.logger.info('dropped the built indexes', { table: prepared.table, indexes: built.length });
}

async function dropOne(
  context: Context,
  client: SqlClient,
  index: { readonly oid: string; readonly name: string; readonly isPartitioned: boolean },
): Promise<void> {
  const { signal, task } = context;
  if (!index.isPartitioned) {
    await client.query('SET lock_timeout = 0');
    await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index.name}`);
    return;
  }
  await client.query(`SET lock_timeout = ${task.meta.lockTimeoutMs}`);
  const holder = async () => findLockHolder(client, await lockedByDrop(client, index.oid));
  await withLockRetries({ signal, show: logWaiting(context), holder, maxTries: MAX_TRIES }, () =>
    client.query(`DROP INDEX IF EXISTS ${index.name}`),
  );
}

/** The tables and indexes that a DROP of a partitioned index locks. */
async function lockedByDrop(client: SqlClient, indexOid: string): Promise<readonly string[]> {
  const tree = await client.query<{ oid: string }>(
    `SELECT unnest(ARRAY[x.indexrelid, x.indrelid])::text AS oid FROM pg_partition_tree($1::oid::regclass) t
     JOIN pg_index x ON x.indexrelid = t.relid`,
    [indexOid],
  );
  return tree.rows.map(({ oid }) => oid);
}

/** Partitioned ones that are no part of others first: each takes its parts along. Those that are gone are left out. */
async function dropOrder(
  client: SqlClient,
  oids: readonly string[],
): Promise<readonly { readonly oid: string; readonly isPartitioned: boolean }[]> {
  const found = await client.query<{ oid: string; isPartitioned: boolean }>(
    `SELECT c.oid::text AS oid, c.relkind = 'I' AS "isPartitioned" FROM pg_class c
     WHERE c.oid = ANY($1::oid[]) AND c.relkind IN ('i', 'I')
     ORDER BY c.relkind = 'i', (SELECT count(*) FROM pg_partition_ancestors(c.oid::regclass)), c.oid`,
    [oids],
  );
  return found.rows;
}

/** Indexes under the name of a build that has not come to its end. */
async function readUnfinished(
  client: SqlClient,
  { token }: PreparedIndex,
): Promise<readonly { readonly oid: string; readonly name: string }[]> {
  const found = await client.query<{ oid: string; name: string }>(
    `SELECT c.oid::text AS oid, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' AND starts_with(c.relname, $1) ORDER BY c.oid`,
    [`longshore_${token}_`],
  );
  return found.rows;
}

/** @throws {TaskTypeError} ADD_INDEX_REVERT_REFUSED. */
async function refuseIfAdopted(
  client: SqlClient,
  prepared: PreparedIndex,
  built: readonly string[],
  adopted: readonly string[],
): Promise<void> {
  const lost = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ANY($2::oid[]) AND EXISTS (
       SELECT FROM pg_partition_ancestors(c.oid::regclass) a WHERE a.relid::oid = ANY($1::oid[])) ORDER BY 1 LIMIT 1`,
    [built, adopted],
  );
  const [first] = lost.rows;
  if (first === undefined) return;
  const message = `Nothing was dropped from ${prepared.table}: index ${first.name} existed before, is now part of the new one, and Postgres would drop it too. Skip the revert and keep the index, or drop it yourself and make ${first.name} again.`;
  throw addIndexError(AddIndexErrorCode.RevertRefused, message, { table: prepared.table, index: first.name });
}
