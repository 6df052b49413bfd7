import type { PlanContext, PlannedSubtask } from '@longshore/sdk';
import { choosePartitionNames } from '../catalog/index-names.ts';
import { readTree, type TreeTable } from '../catalog/table-tree.ts';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import type { PreparedIndex } from '../meta/prepared-index.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { indexMade, type IndexWork } from './index-work.ts';

type Context = PlanContext<AddIndexMeta>;

/**
 * One subtask per partitioned table, the root first: their indexes come before those of their partitions. A partition that somebody adds
 * from then on gets its index by Postgres itself, so that none is forgotten.
 */
export async function* planParents(context: Context): AsyncGenerator<PlannedSubtask> {
  const { prepared, tree } = await readPlan(context);
  const parents =
    prepared.isPartitioned && prepared.existing === null ? tree.filter((table) => table.isPartitioned) : [];
  yield* await plan(context, prepared, parents, () => null);
}

/** One subtask per table with rows of its own: the partitions, or the plain table alone. The largest first, so that none of them is last. */
export async function* planBuild(context: Context): AsyncGenerator<PlannedSubtask> {
  const { prepared, tree } = await readPlan(context);
  if (prepared.existing !== null) return;
  const parentIndexes = new Map<string, string | null>();
  for await (const { result } of context.previousSubtasks('parents')) {
    const made = indexMade.parse(result);
    parentIndexes.set(made.tableOid, made.indexOid);
  }
  const leaves = tree.filter((table) => !table.isPartitioned).sort((a, b) => b.bytes - a.bytes);
  yield* await plan(context, prepared, leaves, ({ parentOid }) => parentIndexes.get(parentOid ?? '') ?? null);
}

/** One subtask: catalog entries only, one after the other. */
export function* planAttach({ task }: Context): Generator<PlannedSubtask> {
  const prepared = preparedOfMeta(task.meta);
  if (prepared.isPartitioned && prepared.existing === null) yield { meta: {} };
}

/** One subtask: it looks at the index as a whole. */
export function* planVerify(): Generator<PlannedSubtask> {
  yield { meta: {} };
}

async function readPlan(context: Context): Promise<{ prepared: PreparedIndex; tree: readonly TreeTable[] }> {
  const { meta } = context.task;
  const prepared = preparedOfMeta(meta);
  const tree = await context.connection(meta.connection).read((client) => readTree(client, prepared.tableOid));
  if (tree.length > 0) return { prepared, tree };
  const message = `Table ${prepared.table} does not exist any more. Keep it while an index is added.`;
  throw addIndexError(AddIndexErrorCode.TableMissing, message, { table: prepared.table });
}

async function plan(
  context: Context,
  prepared: PreparedIndex,
  tables: readonly TreeTable[],
  parentIndexOf: (table: TreeTable) => string | null,
): Promise<readonly PlannedSubtask[]> {
  const others = tables.filter((table) => table.oid !== prepared.tableOid);
  const root = prepared.rootRelation;
  const names = await context
    .connection(context.task.meta.connection)
    .read((client) => choosePartitionNames(client, others, { root, index: prepared.name }));
  return tables.map((table) => {
    const work: IndexWork = {
      tableOid: table.oid,
      table: table.name,
      name: names.get(table.oid) ?? prepared.name,
      parentIndexOid: parentIndexOf(table),
      rows: table.rows,
      bytes: table.bytes,
    };
    return { meta: work, rows: table.rows, bytes: table.bytes };
  });
}
