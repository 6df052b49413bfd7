import { isPostgresError, type SqlClient } from '@longshore/sdk';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { TargetTable } from '../meta/prepared-import.ts';

/** A table that an import can load into. */
export interface FoundTable extends TargetTable {
  /** Decimal. */
  readonly oid: string;
}

interface CatalogRow extends Record<string, unknown> {
  readonly oid: string;
  readonly name: string;
  readonly kind: string;
  readonly is_filtered: boolean;
  readonly lacks: string | null;
  readonly foreign_leaf: string | null;
}

/**
 * The table that a name means, as the catalog has it.
 *
 * @param name - as SQL would write it.
 * @throws {TaskTypeError} IMPORT_TABLE_MISSING, IMPORT_TABLE_UNSUPPORTED or IMPORT_NO_PRIVILEGE.
 */
export async function findTable(client: SqlClient, name: string): Promise<FoundTable> {
  const row = await readCatalog(client, name);
  if (row === undefined) throw await missing(client, name);
  const isPartitioned = row.kind === 'p';
  if (row.kind !== 'r' && !isPartitioned) {
    throw unsupported(row.name, `is ${kinds[row.kind] ?? 'no table'}; an import loads plain and partitioned tables`);
  }
  if (row.foreign_leaf !== null) {
    throw unsupported(
      row.name,
      `has the foreign table ${row.foreign_leaf} as a partition; import into the others one by one`,
    );
  }
  if (row.is_filtered) {
    throw unsupported(
      row.name,
      'has row-level security in force for the role of the connection, and COPY cannot load it; use its owner or a role with BYPASSRLS',
    );
  }
  if (row.lacks !== null) {
    const message = `The connection's role lacks ${row.lacks} on table ${row.name}. Grant it: SELECT proves the counts, TRUNCATE or DELETE take the rows back when the import is undone.`;
    throw importError(ImportErrorCode.NoPrivilege, message, { table: row.name });
  }
  return { oid: row.oid, name: row.name, isPartitioned };
}

const kinds: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  i: 'an index',
  I: 'an index',
  S: 'a sequence',
  c: 'a composite type',
};

async function readCatalog(client: SqlClient, name: string): Promise<CatalogRow | undefined> {
  try {
    const result = await client.query<CatalogRow>(
      `SELECT c.oid::text AS oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind,
              row_security_active(c.oid) AS is_filtered,
              CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'SELECT'
                   WHEN NOT has_table_privilege(c.oid, 'TRUNCATE, DELETE') THEN 'TRUNCATE (or DELETE)' END AS lacks,
              (SELECT min(tree.relid::regclass::text) FROM pg_partition_tree(c.oid) AS tree
                 JOIN pg_class AS leaf ON leaf.oid = tree.relid WHERE leaf.relkind = 'f' AND c.relkind = 'p') AS foreign_leaf
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass($1)`,
      [name],
    );
    return result.rows[0];
  } catch (error) {
    if (isPostgresError(error) && ['42501', '42602', '42601', '0A000'].includes(error.code)) {
      const isForbidden = error.code === '42501';
      throw importError(
        isForbidden ? ImportErrorCode.NoPrivilege : ImportErrorCode.TableMissing,
        isForbidden
          ? `The connection's role may not look for table ${name}: ${error.message}. Grant it USAGE on the schema.`
          : `${name} names no table: ${error.message}. Write it as in SQL: orders, sales.orders, sales."Orders".`,
        { table: name },
        error,
      );
    }
    throw error;
  }
}

/** The usual reason is a name that needs quotes, so the message looks for it. */
async function missing(client: SqlClient, name: string): Promise<Error> {
  const bare = name.split('.').at(-1)?.replaceAll('"', '') ?? name;
  const similar = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = lower($1) ORDER BY 1 LIMIT 3`,
    [bare],
  );
  const names = similar.rows.map((row) => row.name);
  const advice = names.length === 0 ? 'Create it, or check the name.' : `Is it ${names.join(' or ')}?`;
  const message = `The target database has no table ${name}. ${advice} Names are read as in SQL: without double quotes in lower case, without a schema along the search_path.`;
  return importError(ImportErrorCode.TableMissing, message, { table: name });
}

function unsupported(table: string, reason: string): Error {
  return importError(ImportErrorCode.TableUnsupported, `${table} ${reason}.`, { table });
}
