import type { SqlClient } from '@longshore/sdk';

/** A table of a partition tree, or the plain table alone. */
export interface TreeTable {
  /** Decimal. */
  readonly oid: string;
  /** Schema and name, not quoted. */
  readonly schema: string;
  readonly relation: string;
  /** Qualified and quoted. */
  readonly name: string;
  /** The table that it is a partition of; null for the root of what is looked at. */
  readonly parentOid: string | null;
  /** Steps below the root. */
  readonly depth: number;
  readonly isPartitioned: boolean;
  /** Rows as last counted, 0 when never. */
  readonly rows: number;
  readonly bytes: number;
}

/** pg_partition_tree tells nothing of a table that is neither partitioned nor a partition. */
const TREE = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS relation, format('%I.%I', n.nspname, c.relname) AS name,
         t.parent::text AS "parentOid", t.depth, c.relkind = 'p' AS "isPartitioned",
         greatest(c.reltuples, 0)::float8 AS rows, coalesce(pg_relation_size(c.oid), 0)::float8 AS bytes
  FROM (SELECT $1::oid AS oid, NULL::oid AS parent, 0 AS depth
        UNION ALL
        SELECT t.relid::oid, t.parentrelid::oid, t.level FROM pg_partition_tree($1::oid::regclass) t WHERE t.level > 0) t
  JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
  ORDER BY t.depth, c.oid`;

/** The table and its partitions of all levels, parents first. Empty when the table is gone. */
export async function readTree(client: SqlClient, rootOid: string): Promise<readonly TreeTable[]> {
  const exists = await client.query<{ found: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_class WHERE oid = $1) AS found',
    [rootOid],
  );
  if (exists.rows[0]?.found !== true) return [];
  return (await client.query<TreeTable & Record<string, unknown>>(TREE, [rootOid])).rows;
}
