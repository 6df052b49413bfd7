import type { SqlClient } from '@longshore/sdk';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { PreparedIndex } from '../meta/prepared-index.ts';

/** A table under the name that it has by now. */
export interface TableNow {
  /** Not quoted. */
  readonly schema: string;
  /** Qualified and quoted. */
  readonly name: string;
}

/**
 * Finds a table of the tree again.
 *
 * @returns null when it is no partition of the root any more, which then needs no index of it.
 * @throws {TaskTypeError} ADD_INDEX_TABLE_MISSING when it was the root itself.
 */
export async function findTableNow(
  client: SqlClient,
  tableOid: string,
  root: Pick<PreparedIndex, 'tableOid' | 'table'>,
): Promise<TableNow | null> {
  const found = await client.query<TableNow & Record<string, unknown>>(
    `SELECT n.nspname AS schema, format('%I.%I', n.nspname, c.relname) AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = $1::oid AND ($1::oid = $2::oid OR $2::oid IN (SELECT relid FROM pg_partition_ancestors($1::oid::regclass)))`,
    [tableOid, root.tableOid],
  );
  const [table] = found.rows;
  if (table !== undefined) return table;
  if (tableOid !== root.tableOid) return null;
  const message = `Table ${root.table} does not exist any more. Keep it while an index is added.`;
  throw addIndexError(AddIndexErrorCode.TableMissing, message, { table: root.table });
}
