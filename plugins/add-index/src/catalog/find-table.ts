import { isPostgresError, type SqlClient } from '@longshore/sdk';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';

/** A table that can get an index. */
export interface FoundTable {
  /** Decimal. */
  readonly oid: string;
  /** Schema and name, not quoted. */
  readonly schema: string;
  readonly relation: string;
  /** Qualified and quoted. */
  readonly name: string;
  readonly isPartitioned: boolean;
}

interface CatalogRow extends Record<string, unknown> {
  readonly oid: string;
  readonly schema: string;
  readonly relation: string;
  readonly name: string;
  readonly kind: string;
  readonly is_temporary: boolean;
  readonly is_system: boolean;
  readonly foreign_leaf: string | null;
  readonly not_owned: string | null;
  readonly closed_schema: string | null;
}

/** The table and all of its partitions: an index comes to each of them. */
const FIND = `
  WITH named AS (
    SELECT c.oid, c.relkind, c.relpersistence FROM pg_class c WHERE c.oid = to_regclass($1)),
  tree AS (
    SELECT oid FROM named UNION SELECT t.relid FROM named, pg_partition_tree(named.oid) t WHERE named.relkind = 'p'),
  members AS (
    SELECT c.oid, c.relkind, c.relowner, n.oid AS schema_oid, n.nspname,
           format('%I.%I', n.nspname, c.relname) AS name
    FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace)
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS relation, format('%I.%I', n.nspname, c.relname) AS name,
         c.relkind AS kind, c.relpersistence = 't' AS is_temporary,
         n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AS is_system,
         (SELECT min(m.name) FROM members m WHERE m.relkind = 'f') AS foreign_leaf,
         (SELECT min(m.name) FROM members m WHERE NOT pg_has_role(m.relowner, 'USAGE')) AS not_owned,
         (SELECT min(m.nspname) FROM members m WHERE NOT (has_schema_privilege(m.schema_oid, 'CREATE') AND has_schema_privilege(m.schema_oid, 'USAGE'))) AS closed_schema
  FROM pg_class c JOIN named USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace`;

/**
 * The table that a name means, if it can get an index by this role.
 *
 * @param name - as SQL would write it.
 * @throws {TaskTypeError} ADD_INDEX_TABLE_MISSING, ADD_INDEX_TABLE_UNSUPPORTED or ADD_INDEX_NO_PRIVILEGE.
 */
export async function findTable(client: SqlClient, name: string): Promise<FoundTable> {
  const row = await readCatalog(client, name);
  if (row === undefined) throw missing(name);
  refuseKind(row);
  const details = { table: row.name };
  if (row.not_owned !== null) {
    const message = `The connection's role is no member of the owner of ${row.not_owned}, and only an owner may index a table. Grant it that role, or use a connection of the owner's.`;
    throw addIndexError(AddIndexErrorCode.NoPrivilege, message, details);
  }
  if (row.closed_schema !== null) {
    const message = `The connection's role lacks USAGE or CREATE on schema ${row.closed_schema}, where the index of a table has to be. Grant both.`;
    throw addIndexError(AddIndexErrorCode.NoPrivilege, message, details);
  }
  const { oid, schema, relation } = row;
  return { oid, schema, relation, name: row.name, isPartitioned: row.kind === 'p' };
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

function refuseKind(row: CatalogRow): void {
  const reason =
    row.kind !== 'r' && row.kind !== 'p'
      ? `is ${kinds[row.kind] ?? 'no table'}; give a plain or partitioned table`
      : row.is_temporary
        ? 'is temporary, so no other session can index it'
        : row.is_system
          ? 'belongs to the system'
          : row.foreign_leaf !== null
            ? `has the foreign table ${row.foreign_leaf} as a partition, which can have no index; index the other partitions one by one`
            : null;
  if (reason === null) return;
  throw addIndexError(AddIndexErrorCode.TableUnsupported, `${row.name} ${reason}.`, { table: row.name });
}

async function readCatalog(client: SqlClient, name: string): Promise<CatalogRow | undefined> {
  try {
    return (await client.query<CatalogRow>(FIND, [name])).rows[0];
  } catch (error) {
    if (!isPostgresError(error) || !['42501', '42602', '42601', '0A000'].includes(error.code)) throw error;
    const isForbidden = error.code === '42501';
    throw addIndexError(
      isForbidden ? AddIndexErrorCode.NoPrivilege : AddIndexErrorCode.TableMissing,
      isForbidden
        ? `The connection's role may not look for table ${name}: ${error.message}. Grant it USAGE on the schema.`
        : `${name} names no table: ${error.message}. Write it as in SQL: orders, sales.orders, sales."Orders".`,
      { table: name },
      error,
    );
  }
}

function missing(name: string): Error {
  const message = `The target database has no table ${name}. Create it, or check the name: it is read as in SQL, without double quotes in lower case, without a schema along the search_path.`;
  return addIndexError(AddIndexErrorCode.TableMissing, message, { table: name });
}
