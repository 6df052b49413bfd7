import type { JsonValue, SqlClient, StepExecutor, SubtaskContext } from '@longshore/sdk';
import { findLockHolder } from '../catalog/lock-holder.ts';
import { readTree, type TreeTable } from '../catalog/table-tree.ts';
import { readIndexNames, readParents } from '../catalog/tree-indexes.ts';
import { withTableName } from '../errors/postgres-error.ts';
import { withLockRetries } from '../locking/with-lock-retries.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { indexMade, type IndexMade } from './index-work.ts';

type Context = SubtaskContext<AddIndexMeta>;

/** An index that is to become a part of its parent table's. */
interface Attachment {
  readonly tableOid: string;
  readonly child: string;
  readonly parent: string;
  readonly isAdopted: boolean;
  readonly depth: number;
}

/**
 * Attaches the partitions' indexes to those of their parents, from the bottom up; the last one makes the whole valid. Each is a
 * transaction of its own, so that none holds locks for the others.
 *
 * Those that were there before come last: once one is attached it can't be taken off again, and a revert would have to drop it.
 */
export const attachStep: StepExecutor<AddIndexMeta> = {
  async runSubtask(context: Context): Promise<JsonValue> {
    const { task } = context;
    const prepared = preparedOfMeta(task.meta);
    const connection = context.connection(task.meta.connection);
    try {
      const made = (await connection.ledger()).map((entry) => indexMade.parse(entry.result));
      const tree = await connection.read((client) => readTree(client, prepared.tableOid));
      const attachments = orderedAttachments(tree, made);
      const attached = await connection.effectSession(async (client) => {
        const done = await attachAll(context, client, attachments);
        await client.query('RESET lock_timeout');
        return done;
      });
      return { attached };
    } catch (error) {
      throw withTableName(error, prepared.table);
    }
  },
};

function orderedAttachments(tree: readonly TreeTable[], made: readonly IndexMade[]): readonly Attachment[] {
  const byTable = new Map(made.map((entry) => [entry.tableOid, entry]));
  return tree
    .flatMap(({ oid, parentOid, depth }): Attachment[] => {
      const child = byTable.get(oid);
      const parent = parentOid === null ? undefined : byTable.get(parentOid);
      // A partition that came later has an index by Postgres, attached already.
      if (child?.indexOid == null || parent?.indexOid == null) return [];
      const isAdopted = child.origin === 'adopted';
      return [{ tableOid: oid, child: child.indexOid, parent: parent.indexOid, isAdopted, depth }];
    })
    .sort((a, b) => Number(a.isAdopted) - Number(b.isAdopted) || b.depth - a.depth);
}

/** @returns how many were attached by this call. */
async function attachAll(context: Context, client: SqlClient, attachments: readonly Attachment[]): Promise<number> {
  const parents = await readParents(
    client,
    attachments.map(({ child }) => child),
  );
  const missing = attachments.filter(({ child, parent }) => parents.get(child) !== parent);
  for (const attachment of missing) {
    context.signal.throwIfAborted();
    await attachOne(context, client, attachment);
  }
  return missing.length;
}

async function attachOne(context: Context, client: SqlClient, attachment: Attachment): Promise<void> {
  const { child, parent, tableOid } = attachment;
  await context.throttle.beforeBatch({ statements: 1 });
  const retries = {
    signal: context.signal,
    show: (reason: { code: string; message: string }) => context.waiting(reason),
    holder: () => findLockHolder(client, [child, tableOid]),
  };
  await withLockRetries(retries, async () => {
    const names = await readIndexNames(client, [child, parent]);
    const [childName, parentName] = [names.get(child), names.get(parent)];
    // Dropped by somebody, with its partition or without: what is missing then is told by `verify`.
    if (childName === undefined || parentName === undefined) return;
    await client.query(`SET lock_timeout = ${context.task.meta.lockTimeoutMs}`);
    await client.query(`ALTER INDEX ${parentName} ATTACH PARTITION ${childName}`);
  });
}
