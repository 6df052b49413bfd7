import type { SqlClient } from '@longshore/sdk';

/** An index of a table as the catalog has it. */
export interface TableIndex {
  /** Decimal. */
  readonly oid: string;
  /** Not quoted. */
  readonly schema: string;
  readonly name: string;
  /** Qualified and quoted. */
  readonly qualified: string;
  readonly isUnique: boolean;
  /** Whether it only serves a constraint that is not like an index: a deferrable one, or an exclusion. */
  readonly isConstraintOnly: boolean;
  /** Complete: false while it is being built, after a build that failed, and for a parent whose partitions lack theirs. */
  readonly isValid: boolean;
  /** What follows `ON table` in its definition; without a tablespace. */
  readonly body: string;
  /** The index of the parent table that it is attached to; decimal. */
  readonly parentOid: string | null;
}

/**
 * The definition without its beginning, which names index and table: what remains says what the index is. A temporary table's schema is
 * told as pg_temp.
 */
const INDEXES = `
  SELECT x.indexrelid::text AS oid, n.nspname AS schema, c.relname AS name,
         format('%I.%I', n.nspname, c.relname) AS qualified, x.indisunique AS "isUnique",
         NOT x.indimmediate OR x.indisexclusion AS "isConstraintOnly",
         x.indisvalid AND x.indisready AND x.indislive AS "isValid",
         substr(pg_get_indexdef(x.indexrelid), 1 + length(format('CREATE %sINDEX %I ON %s%s.%I ',
           CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END, c.relname, CASE c.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END,
           CASE WHEN n.oid = pg_my_temp_schema() THEN 'pg_temp' ELSE quote_ident(n.nspname) END, t.relname))) AS body,
         h.inhparent::text AS "parentOid"
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class t ON t.oid = x.indrelid LEFT JOIN pg_inherits h ON h.inhrelid = x.indexrelid
  WHERE x.indrelid = $1 ORDER BY x.indexrelid`;

/** The indexes of a table, oldest first. Inside of `readSteadily`, so that their definitions can be compared. */
export async function readIndexes(client: SqlClient, tableOid: string): Promise<readonly TableIndex[]> {
  return (await client.query<TableIndex & Record<string, unknown>>(INDEXES, [tableOid])).rows;
}

/**
 * Whether it is the same index, whatever its name.
 *
 * Postgres tells some indexes by the same text that are not the same. That of a DEFERRABLE constraint checks only at the
 * commit and serves no ON CONFLICT. That of an exclusion constraint can be no part of another index. No CREATE INDEX makes either.
 */
export function isEqualIndex(
  index: Pick<TableIndex, 'isUnique' | 'body' | 'isConstraintOnly'>,
  wanted: Pick<TableIndex, 'isUnique' | 'body'>,
): boolean {
  return !index.isConstraintOnly && index.isUnique === wanted.isUnique && index.body === wanted.body;
}
