import type { SqlClient } from '@longshore/sdk';
import type { TargetTable } from '../meta/prepared-import.ts';
import { rowsOf } from './table-rows.ts';

/** A foreign key of another table that points to the target. */
interface Reference extends Record<string, unknown> {
  readonly table: string;
  /** True for the referencing rows that point to some row. */
  readonly condition: string;
}

/**
 * Finds a table with a row that refers to one of the target's. Deleting would fail on it or, with ON DELETE CASCADE, take
 * that row with it.
 */
export async function findReferringTable(client: SqlClient, table: TargetTable): Promise<string | null> {
  for (const { table: referring, condition } of await readReferences(client, table)) {
    const found = await client.query(`SELECT 1 FROM ${referring} WHERE ${condition} LIMIT 1`);
    if (found.rows.length > 0) return referring;
  }
  return null;
}

/**
 * Empties the target: by TRUNCATE, or by DELETE where that is not possible, because a foreign key points to the table or
 * the role has no TRUNCATE privilege. Sequences are not set back.
 */
export async function removeRows(client: SqlClient, table: TargetTable): Promise<void> {
  const references = await readReferences(client, table);
  const allowed = await client.query<{ may_truncate: boolean }>(
    `SELECT has_table_privilege($1::regclass, 'TRUNCATE') AS may_truncate`,
    [table.name],
  );
  const mayTruncate = references.length === 0 && allowed.rows[0]?.may_truncate === true;
  await client.query(`${mayTruncate ? 'TRUNCATE TABLE' : 'DELETE FROM'} ${rowsOf(table)}`);
}

/** Foreign keys from outside of the table and its partitions. One of its own is no obstacle. */
async function readReferences(client: SqlClient, table: TargetTable): Promise<readonly Reference[]> {
  const result = await client.query<Reference>(
    `WITH tree AS (SELECT $1::regclass::oid AS relid UNION SELECT relid FROM pg_partition_tree($1::regclass))
     SELECT key.conrelid::regclass::text AS table,
            (SELECT string_agg(format('%I IS NOT NULL', a.attname), ' AND ') FROM pg_attribute AS a
              WHERE a.attrelid = key.conrelid AND a.attnum = ANY (key.conkey)) AS condition
       FROM pg_constraint AS key
      WHERE key.contype = 'f' AND key.confrelid IN (SELECT relid FROM tree)
        AND key.conrelid NOT IN (SELECT relid FROM tree)`,
    [table.name],
  );
  return result.rows;
}
