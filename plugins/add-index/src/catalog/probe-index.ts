import type { SqlClient } from '@longshore/sdk';
import { isPostgresError, qualifiedName, quoteIdentifier, SqlState, type PostgresError } from '@longshore/sdk/postgres';
import type { IndexRequest } from '../definition/index-request.ts';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { FoundTable } from './find-table.ts';
import { qualifyNames } from './read-steadily.ts';
import { readIndexes } from './table-indexes.ts';

/** What Postgres makes of a wanted index. */
export interface ProbedIndex {
  /** What follows `ON table`, as Postgres tells it with all names qualified. */
  readonly body: string;
  /** The name that Postgres would give it now. */
  readonly defaultName: string;
}

/**
 * Lets Postgres read the definition: the index is made on an empty temporary twin of the table, in a transaction that is rolled back.
 * So everything that Postgres would refuse is refused here, in its words, and the definition can be compared with those of other
 * indexes, which a text of the user's can't.
 *
 * A unique index has to have the partition keys of all levels; each different one is tried.
 *
 * @throws {TaskTypeError} ADD_INDEX_COLUMN_MISSING, ADD_INDEX_DEFINITION_REFUSED, ADD_INDEX_NO_PRIVILEGE.
 */
export async function probeIndex(client: SqlClient, table: FoundTable, request: IndexRequest): Promise<ProbedIndex> {
  const keys = table.isPartitioned ? await partitionKeys(client, table) : [null];
  // The table's own key is the first one.
  const [own = null, ...deeper] = keys;
  const probed = await probeOnce(client, table, request, own);
  if (request.isUnique) for (const key of deeper) await probeOnce(client, table, request, key);
  return probed;
}

async function partitionKeys(client: SqlClient, table: FoundTable): Promise<readonly string[]> {
  const keys = await client.query<{ key: string }>(
    `SELECT pg_get_partkeydef(t.relid) AS key FROM pg_partition_tree($1::oid::regclass) t
     WHERE NOT t.isleaf GROUP BY 1 ORDER BY min(t.level)`,
    [table.oid],
  );
  return keys.rows.map((row) => row.key);
}

async function probeOnce(
  client: SqlClient,
  table: FoundTable,
  request: IndexRequest,
  partitionKey: string | null,
): Promise<ProbedIndex> {
  // Its name is the table's, as Postgres makes the name of an index from it.
  const twin = `pg_temp.${quoteIdentifier(table.relation)}`;
  try {
    await client.query('BEGIN');
    await client.query(
      `CREATE TEMPORARY TABLE ${quoteIdentifier(table.relation)} (LIKE ${qualifiedName(table.schema, table.relation)} INCLUDING GENERATED)
       ${partitionKey === null ? '' : `PARTITION BY ${partitionKey}`}`,
    );
    const create = `CREATE ${request.isUnique ? 'UNIQUE ' : ''}INDEX ON ${twin} ${request.body}\n`;
    await client.query(create);
    // Where the name is taken beside the real table, one more on the twin makes Postgres choose the next name itself.
    while (await isLastNameTaken(client, table, twin)) await client.query(create);
    await qualifyNames(client);
    const oid = await client.query<{ oid: string }>(`SELECT $1::regclass::oid::text AS oid`, [twin]);
    const index = (await readIndexes(client, oid.rows[0]?.oid ?? '0')).at(-1);
    await client.query('ROLLBACK');
    if (index === undefined) throw new TypeError(`the probe of ${table.name} has no index`);
    return { body: index.body, defaultName: index.name };
  } catch (error) {
    throw isPostgresError(error) ? refusalOf(error, table.name) : error;
  }
}

async function isLastNameTaken(client: SqlClient, { schema }: FoundTable, twin: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = $2::regnamespace AND relname = (
       SELECT c.relname FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid
        WHERE x.indrelid = $1::regclass ORDER BY c.oid DESC LIMIT 1)) AS taken`,
    [twin, quoteIdentifier(schema)],
  );
  return rows[0]?.taken === true;
}

/** SQLSTATEs that speak of the definition: syntax and names, what isn't supported, limits, values of options. */
const definitionClasses: ReadonlySet<string> = new Set(['0A', '22', '42', '54']);

function refusalOf(error: PostgresError, table: string): unknown {
  const details = { table, sqlstate: error.code };
  const words = [error.message, error.detail, error.hint]
    .flatMap((part) => (part === undefined ? [] : [part.replace(/\.$/, '')]))
    .join('. ');
  if (error.code === SqlState.insufficientPrivilege) {
    const message = `The connection's role may not try the index out on a temporary table: ${words}. Grant it TEMPORARY on the database, SELECT on ${table}, and what else is named.`;
    return addIndexError(AddIndexErrorCode.NoPrivilege, message, details, error);
  }
  if (error.code === SqlState.undefinedColumn) {
    const message = `${table} lacks a column of the index: ${words}. Names in fields are case-sensitive.`;
    return addIndexError(AddIndexErrorCode.ColumnMissing, message, details, error);
  }
  if (!definitionClasses.has(error.code.slice(0, 2))) return error;
  const message = `Postgres refuses such an index on ${table}: ${words}. Change the definition.`;
  return addIndexError(AddIndexErrorCode.DefinitionRefused, message, details, error);
}
