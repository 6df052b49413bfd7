import type { MakeError } from '../error-maker.ts';
import type { SqlClient } from '../target-connection.ts';
import { isPostgresError } from './postgres-error.ts';
import { isNoPrivilege, SqlState } from './sql-states.ts';

/** A plain or partitioned table, as the catalog has it. */
export interface FoundRelation {
  /** Decimal. */
  readonly oid: string;
  /** Schema and name, not quoted. */
  readonly schema: string;
  readonly relation: string;
  /** Qualified and quoted, to stand in SQL as it is. */
  readonly name: string;
  readonly isPartitioned: boolean;
  readonly isTemporary: boolean;
  /** Whether it is one of Postgres' own. */
  readonly isSystem: boolean;
  /** Whether row-level security may hide rows from the connection's role. */
  readonly isFiltered: boolean;
  /** A foreign table among its partitions, at any depth, qualified and quoted; null without one. */
  readonly foreignPartition: string | null;
  /** A table that inherits from it, which is no partition, qualified and quoted; null without one. */
  readonly heir: string | null;
}

/** How a task type says that a name means no table that it can work on. */
export interface RelationErrors<Code extends string> {
  readonly make: MakeError<Code>;
  /** There is no such table, or the text can't be a name. */
  readonly missing: Code;
  /** It is a view, an index, a foreign table. */
  readonly unsupported: Code;
  /** The role may not look. */
  readonly noPrivilege: Code;
  /** What to give instead of something unsupported: `an import loads plain and partitioned tables`. */
  readonly wanted: string;
}

/** Values of `pg_class.relkind`, in words. */
const kinds: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  i: 'an index',
  I: 'an index',
  S: 'a sequence',
  c: 'a composite type',
};

/** What the server says of a text that can be no name: too many dots, an open quote, another database. */
const noNames: ReadonlySet<string> = new Set([
  SqlState.invalidName,
  SqlState.syntaxError,
  SqlState.featureNotSupported,
]);

interface CatalogRow extends Omit<FoundRelation, 'isPartitioned'>, Record<string, unknown> {
  readonly kind: string;
}

const FIND = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS relation, format('%I.%I', n.nspname, c.relname) AS name,
         c.relkind AS kind, c.relpersistence = 't' AS "isTemporary", row_security_active(c.oid) AS "isFiltered",
         n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AS "isSystem",
         (SELECT min(format('%I.%I', s.nspname, p.relname)) FROM pg_partition_tree(c.oid) AS tree
            JOIN pg_class AS p ON p.oid = tree.relid JOIN pg_namespace AS s ON s.oid = p.relnamespace
           WHERE p.relkind = 'f' AND c.relkind = 'p') AS "foreignPartition",
         (SELECT min(format('%I.%I', s.nspname, p.relname)) FROM pg_inherits AS i
            JOIN pg_class AS p ON p.oid = i.inhrelid JOIN pg_namespace AS s ON s.oid = p.relnamespace
           WHERE i.inhparent = c.oid AND c.relkind = 'r') AS heir
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.oid = to_regclass($1)`;

/**
 * The plain or partitioned table that a name means.
 *
 * @param name - as SQL would write it: without double quotes in lower case, without a schema along the search_path.
 * @throws {TaskTypeError} one of the three of `errors`; the driver's error when the target can't be asked.
 */
export async function findRelation<Code extends string>(
  client: SqlClient,
  name: string,
  errors: RelationErrors<Code>,
): Promise<FoundRelation> {
  const row = await readCatalog(client, name, errors);
  if (row === undefined) throw await missing(client, name, errors);
  const { kind, ...relation } = row;
  if (kind !== 'r' && kind !== 'p') {
    const message = `${row.name} is ${kinds[kind] ?? 'no table'}; ${errors.wanted}.`;
    throw errors.make(errors.unsupported, message, { table: row.name });
  }
  return { ...relation, isPartitioned: kind === 'p' };
}

async function readCatalog<Code extends string>(
  client: SqlClient,
  name: string,
  { make, missing: noTable, noPrivilege }: RelationErrors<Code>,
): Promise<CatalogRow | undefined> {
  try {
    return (await client.query<CatalogRow>(FIND, [name])).rows[0];
  } catch (error) {
    if (isNoPrivilege(error)) {
      const message = `The connection's role may not look up table ${name}: ${error.message}. Grant it USAGE on the schema.`;
      throw make(noPrivilege, message, { table: name }, error);
    }
    if (!isPostgresError(error) || !noNames.has(error.code)) throw error;
    const message = `${name} is no valid table name: ${error.message}. Write it as in SQL: orders, sales.orders, sales."Orders".`;
    throw make(noTable, message, { table: name }, error);
  }
}

/** The usual reason is a name that needs quotes, so the message looks for it. */
async function missing<Code extends string>(
  client: SqlClient,
  name: string,
  errors: RelationErrors<Code>,
): Promise<Error> {
  const bare = name.split('.').at(-1)?.replaceAll('"', '') ?? name;
  const similar = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = lower($1) ORDER BY 1 LIMIT 3`,
    [bare],
  );
  const names = similar.rows.map((row) => row.name);
  const advice = names.length === 0 ? 'Create it, or check the name.' : `Is it ${names.join(' or ')}?`;
  const message = `The target database has no table ${name}. ${advice} Names follow SQL: without double quotes they are lower case, and without a schema the search_path counts.`;
  return errors.make(errors.missing, message, { table: name });
}
