import { randomBytes } from 'node:crypto';
import type { HookContext, Prepared, SqlClient } from '@longshore/sdk';
import { qualifiedName, quoteIdentifier } from '@longshore/sdk/postgres';
import { findTable, type FoundTable } from '../catalog/find-table.ts';
import { findInvalidIndex, type InvalidIndex } from '../catalog/invalid-indexes.ts';
import { probeIndex, type ProbedIndex } from '../catalog/probe-index.ts';
import { readSteadily } from '../catalog/read-steadily.ts';
import { isEqualIndex, readIndexes, type TableIndex } from '../catalog/table-indexes.ts';
import type { IndexRequest } from '../definition/index-request.ts';
import { requestOfMeta } from '../definition/request-of-meta.ts';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import { addIndexMeta, type AddIndexMeta } from '../meta/add-index-meta.ts';

/** 48 bits: no other task has the same. */
const TOKEN_BYTES = 6;

/**
 * Looks at the target before anything is changed, and freezes what it found into the meta: the table, and the definition and name of
 * the index. Nothing is written; an equal index that is there already ends the task at once.
 *
 * @throws {TaskTypeError} for everything that cannot work: see the codes of {@link AddIndexErrorCode}.
 */
export async function prepareAddIndex(context: HookContext<AddIndexMeta>): Promise<Prepared<AddIndexMeta>> {
  const meta = addIndexMeta.parse(context.task.meta);
  const request = await requestOfMeta(meta);
  return context.connection(meta.connection).read(async (client) => {
    const table = await findTable(client, request.table);
    if (table.heir !== null) {
      context.logger.warn(
        `tables inherit from ${table.name}, such as ${table.heir}; as by CREATE INDEX they get no index: give each one its own`,
      );
    }
    const probed = await probeIndex(client, table, request);
    const { existing, name } = await readSteadily(client, () => findExisting(client, table, request, probed));
    if (existing !== null) context.logger.info('an equal index exists already', { index: existing });
    const prepared = {
      tableOid: table.oid,
      table: table.name,
      rootRelation: table.relation,
      isPartitioned: table.isPartitioned,
      name,
      isUnique: request.isUnique,
      body: probed.body,
      tablespace: request.tablespace,
      token: randomBytes(TOKEN_BYTES).toString('hex'),
      existing,
    };
    return { meta: { ...meta, prepared } };
  });
}

/** The equal index that is there, or the name for a new one. */
async function findExisting(
  client: SqlClient,
  table: FoundTable,
  request: IndexRequest,
  probed: ProbedIndex,
): Promise<{ readonly existing: string | null; readonly name: string }> {
  const wanted = { isUnique: request.isUnique, body: probed.body };
  const equals = (await readIndexes(client, table.oid)).filter((index) => isEqualIndex(index, wanted));
  const named = equals.find(({ name }) => name === request.name);
  const equal = named ?? equals.find(({ isValid }) => isValid) ?? equals[0];
  const invalid = equal?.isValid === false ? { table: table.name, index: equal } : null;
  const left = invalid ?? (equal === undefined ? await findInvalidIndex(client, table.oid, wanted) : null);
  if (left !== null) throw invalidExists(left, table.isPartitioned && invalid !== null);
  if (equal === undefined) return { existing: null, name: await freeName(client, table, request, probed) };
  if (request.name !== null && equal.name !== request.name) throw equalExists(table, equal, request.name);
  return { existing: equal.qualified, name: equal.name };
}

/** @throws {TaskTypeError} ADD_INDEX_NAME_TAKEN when the name that was asked for belongs to something else. */
async function freeName(
  client: SqlClient,
  table: FoundTable,
  request: IndexRequest,
  probed: ProbedIndex,
): Promise<string> {
  const kind = async (name: string): Promise<string | null> => {
    const found = await client.query<{ kind: string; table: string | null }>(
      `SELECT c.relkind AS kind, x.indrelid::regclass::text AS table FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid
       WHERE c.relname = $1 AND c.relnamespace = $2::regnamespace`,
      [name, quoteIdentifier(table.schema)],
    );
    const [row] = found.rows;
    if (row === undefined) return null;
    return row.table === null ? 'something else than an index' : `another index, on ${row.table}`;
  };
  if (request.name === null) return probed.defaultName;
  const taken = await kind(request.name);
  if (taken === null) return request.name;
  const message = `${qualifiedName(table.schema, request.name)} is the name of ${taken}. Choose another name for the index, or drop or rename the other one.`;
  throw addIndexError(AddIndexErrorCode.NameTaken, message, { table: table.name, name: request.name });
}

function invalidExists({ table, index }: InvalidIndex, isPartitioned: boolean): Error {
  const name = index.qualified;
  const message = `${table} has an equal index, ${name}, but it is invalid: its build failed, or still runs elsewhere. Wait for the build, or drop it (DROP INDEX ${isPartitioned ? '' : 'CONCURRENTLY '}${name}), and submit again.`;
  return addIndexError(AddIndexErrorCode.InvalidExists, message, { table, index: name });
}

function equalExists(table: FoundTable, index: TableIndex, wanted: string): Error {
  const name = index.qualified;
  const message = `${table.name} has an equal index of another name, ${name}. Rename it (ALTER INDEX ${name} RENAME TO ${quoteIdentifier(wanted)}), or leave the name out and it is taken as it is.`;
  return addIndexError(AddIndexErrorCode.EqualExists, message, { table: table.name, index: name });
}
