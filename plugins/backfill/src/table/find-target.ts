import { isPostgresError, type SqlClient } from '@longshore/sdk';
import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import { isKeyTypeName, keyTypes } from '../keys/key-types.ts';
import type { BackfillTarget } from './backfill-target.ts';

interface CatalogRow extends Record<string, unknown> {
  readonly table: string;
  readonly kind: string;
  readonly is_filtered: boolean;
  readonly may_select: boolean;
  readonly has_update_rule: boolean;
  readonly foreign_leaf: string | null;
  /** The primary key's columns, quoted. */
  readonly key_columns: readonly string[];
  readonly key_type: string | null;
  /** As a person writes it. */
  readonly key_type_text: string | null;
}

/**
 * The table that a name means, as the catalog has it, if a backfill can walk along it.
 *
 * @param name - as SQL would write it.
 * @throws {TaskTypeError} BACKFILL_TABLE_MISSING, BACKFILL_TABLE_UNSUPPORTED, BACKFILL_KEY_UNSUPPORTED or BACKFILL_NO_PRIVILEGE.
 */
export async function findTarget(client: SqlClient, name: string): Promise<BackfillTarget> {
  const row = await readCatalog(client, name);
  if (row === undefined) throw await missing(client, name);
  refuseKinds(row);
  if (!row.may_select) {
    const message = `The connection's role lacks SELECT on table ${row.table}. Grant it: a backfill reads the keys.`;
    throw backfillError(BackfillErrorCode.NoPrivilege, message, { table: row.table });
  }
  const [key, ...others] = row.key_columns;
  if (key === undefined) {
    throw keyUnsupported(
      row,
      'has no primary key, and a backfill goes along it. Add one, if need be of a new identity column',
    );
  }
  if (others.length > 0) {
    throw keyUnsupported(
      row,
      `has a primary key of several columns (${row.key_columns.join(', ')}); backfills know those of one column`,
    );
  }
  if (row.key_type === null || !isKeyTypeName(row.key_type)) {
    const known = Object.values(keyTypes).map(({ sql }) => sql);
    throw keyUnsupported(
      row,
      `has a primary key of type ${row.key_type_text ?? '?'}; backfills know ${known.join(', ')}`,
    );
  }
  return { table: row.table, isPartitioned: row.kind === 'p', key, keyType: row.key_type };
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

function refuseKinds(row: CatalogRow): void {
  if (row.kind !== 'r' && row.kind !== 'p') {
    throw unsupported(row, `is ${kinds[row.kind] ?? 'no table'}; a backfill changes plain and partitioned tables`);
  }
  if (row.foreign_leaf !== null) {
    throw unsupported(row, `has the foreign table ${row.foreign_leaf} as a partition; backfill the others one by one`);
  }
  if (row.is_filtered) {
    throw unsupported(
      row,
      'has row-level security in force for the role of the connection, which may hide rows; use its owner or a role with BYPASSRLS',
    );
  }
  if (row.has_update_rule) {
    throw unsupported(row, 'has a rule for UPDATE, which does something else instead; drop the rule, or use a trigger');
  }
}

async function readCatalog(client: SqlClient, name: string): Promise<CatalogRow | undefined> {
  try {
    const result = await client.query<CatalogRow>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS table, c.relkind AS kind, row_security_active(c.oid) AS is_filtered,
              has_table_privilege(c.oid, 'SELECT') AS may_select,
              EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '2') AS has_update_rule,
              (SELECT min(tree.relid::regclass::text) FROM pg_partition_tree(c.oid) AS tree
                 JOIN pg_class AS leaf ON leaf.oid = tree.relid WHERE leaf.relkind = 'f' AND c.relkind = 'p') AS foreign_leaf,
              ARRAY(SELECT quote_ident(a.attname) FROM pg_index AS i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                      JOIN pg_attribute AS a ON a.attnum = k.attnum
                     WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND k.place <= i.indnkeyatts
                     ORDER BY k.place) AS key_columns,
              key.typname AS key_type, key.text AS key_type_text
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         LEFT JOIN LATERAL (SELECT coalesce(base.typname, t.typname) AS typname, format_type(a.atttypid, a.atttypmod) AS text
                              FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                              JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_type AS base ON base.oid = t.typbasetype
                             WHERE i.indrelid = c.oid AND i.indisprimary) AS key ON true
        WHERE c.oid = to_regclass($1)`,
      [name],
    );
    return result.rows[0];
  } catch (error) {
    if (!isPostgresError(error)) throw error;
    if (error.code === '42501') {
      const message = `The connection's role may not look for table ${name}: ${error.message}. Grant it USAGE on the schema.`;
      throw backfillError(BackfillErrorCode.NoPrivilege, message, { table: name }, error);
    }
    if (!['42602', '42601', '0A000'].includes(error.code)) throw error;
    const message = `${name} names no table: ${error.message}. Write it as in SQL: orders, sales.orders, sales."Orders".`;
    throw backfillError(BackfillErrorCode.TableMissing, message, { table: name }, error);
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
  return backfillError(BackfillErrorCode.TableMissing, message, { table: name });
}

function unsupported({ table }: CatalogRow, reason: string): Error {
  return backfillError(BackfillErrorCode.TableUnsupported, `${table} ${reason}.`, { table });
}

function keyUnsupported({ table }: CatalogRow, reason: string): Error {
  return backfillError(BackfillErrorCode.KeyUnsupported, `${table} ${reason}.`, { table });
}
