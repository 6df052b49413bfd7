import type { JsonValue, SqlClient, StepExecutor, SubtaskContext } from '@longshore/sdk';
import { qualifiedName, quoteIdentifier } from '@longshore/sdk/postgres';
import { workingName } from '../catalog/index-names.ts';
import { findLockHolder } from '../catalog/lock-holder.ts';
import { lookAtIndex } from '../catalog/look-at-index.ts';
import { qualifyNames } from '../catalog/read-steadily.ts';
import { findTableNow } from '../catalog/table-now.ts';
import { createIndexText } from '../definition/create-index-text.ts';
import { withTableName } from '../errors/postgres-error.ts';
import { withLockRetries } from '../locking/with-lock-retries.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import type { PreparedIndex } from '../meta/prepared-index.ts';
import { indexWork, type IndexMade, type IndexWork } from './index-work.ts';

type Context = SubtaskContext<AddIndexMeta>;

/** Makes the index of a partitioned table, empty and invalid until those of all partitions are attached: a catalog entry. */
export const parentsStep: StepExecutor<AddIndexMeta> = {
  async runSubtask(context: Context): Promise<JsonValue> {
    const { task, signal, throttle } = context;
    const work = indexWork.parse(context.subtask.meta);
    const prepared = preparedOfMeta(task.meta);
    const connection = context.connection(task.meta.connection);
    const retries = {
      signal,
      show: (reason: { code: string; message: string }) => context.waiting(reason),
      holder: () => connection.read((client) => findLockHolder(client, [work.tableOid])),
    };
    try {
      await throttle.beforeBatch({ statements: 1 });
      const outcome = await withLockRetries(retries, () =>
        connection.effectOnce((client) => makeParent(client, work, prepared, context.task.meta.lockTimeoutMs)),
      );
      return outcome.result;
    } catch (error) {
      throw withTableName(error, work.table);
    }
  },
};

async function makeParent(
  client: SqlClient,
  work: IndexWork,
  prepared: PreparedIndex,
  lockTimeoutMs: number,
): Promise<IndexMade> {
  const { tableOid } = work;
  await qualifyNames(client);
  const table = await findTableNow(client, tableOid, prepared);
  if (table === null) return { tableOid, index: null, indexOid: null, origin: 'gone' };
  const wanted = { tableOid, working: workingName(prepared, tableOid), parentIndexOid: null };
  const { equal } = await lookAtIndex(client, prepared, wanted);
  if (equal !== null) {
    return { tableOid, index: equal.qualified, indexOid: equal.oid, origin: 'adopted' };
  }
  // It keeps writers waiting behind it while it waits, and lets nobody wait for long when it has come through.
  await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  if (prepared.tablespace !== null) {
    await client.query(`SET LOCAL default_tablespace = ${quoteIdentifier(prepared.tablespace)}`);
  }
  await client.query(createIndexText(prepared, { name: work.name, on: `ONLY ${table.name}`, isConcurrent: false }));
  const index = qualifiedName(table.schema, work.name);
  const made = await client.query<{ oid: string }>('SELECT $1::regclass::oid::text AS oid', [index]);
  return { tableOid, index, indexOid: made.rows[0]?.oid ?? null, origin: 'built' };
}
