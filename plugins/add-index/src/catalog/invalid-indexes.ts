import type { SqlClient } from '@longshore/sdk';
import { isEqualIndex, readIndexes, type TableIndex } from './table-indexes.ts';
import { readTree } from './table-tree.ts';

/** An index that an interrupted build has left on a table of the tree. */
export interface InvalidIndex {
  /** Qualified and quoted. */
  readonly table: string;
  readonly index: TableIndex;
}

/**
 * The first equal index on a plain table or partition that is not valid. It would be built a second time beside it, and a unique one goes on
 * refusing rows. One of a partitioned table is just not complete. Inside of `readSteadily`.
 */
export async function findInvalidIndex(
  client: SqlClient,
  rootOid: string,
  wanted: Pick<TableIndex, 'isUnique' | 'body'>,
): Promise<InvalidIndex | null> {
  const tree = await readTree(client, rootOid);
  const suspects = await client.query<{ oid: string }>(
    `SELECT DISTINCT indrelid::text AS oid FROM pg_index
     WHERE indrelid = ANY($1::oid[]) AND NOT (indisvalid AND indisready AND indislive)`,
    [tree.filter((table) => !table.isPartitioned).map(({ oid }) => oid)],
  );
  for (const { oid } of suspects.rows) {
    const indexes = await readIndexes(client, oid);
    const index = indexes.find((each) => !each.isValid && isEqualIndex(each, wanted));
    if (index !== undefined) return { table: tree.find((table) => table.oid === oid)?.name ?? oid, index };
  }
  return null;
}
