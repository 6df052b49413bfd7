import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { SqlClient } from '../target-connection.ts';

/**
 * A Kysely dialect over the session that a hook gets, so that a task type writes its SQL with Kysely:
 *
 *     const db = new Kysely<Shop>({ dialect: sqlClientDialect(client) });
 *
 * Its statements run in that session and in its transaction, if it is in one. It opens, commits and closes nothing: make one for each
 * `client`, and keep none beyond the work that got it. A transaction of its own (`db.transaction()`) and streams are refused.
 */
export function sqlClientDialect(client: SqlClient): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => sessionDriver(client),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

/** The session is the framework's: nothing is acquired, and nothing is given back. */
function sessionDriver(client: SqlClient): Driver {
  const connection: DatabaseConnection = {
    executeQuery: <R>(query: CompiledQuery) => execute<R>(client, query),
    streamQuery: () => {
      throw new TypeError(
        'a stream of Kysely needs a cursor; read in pages, or give client.stream one of pg-query-stream',
      );
    },
  };
  return {
    init: nothing,
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: refuseTransaction,
    commitTransaction: refuseTransaction,
    rollbackTransaction: refuseTransaction,
    releaseConnection: nothing,
    destroy: nothing,
  };
}

const nothing = (): Promise<void> => Promise.resolve();

/** A COMMIT of its own would end the transaction that the ledger's row is in. */
function refuseTransaction(): Promise<void> {
  const message =
    'a hook has no transaction of its own: effectOnce and the batches of effectBatches are one already; without them, send BEGIN and COMMIT yourself';
  return Promise.reject(new TypeError(message));
}

/** Kinds of statements that tell how many rows they have changed. */
const CHANGES: ReadonlySet<string> = new Set([
  'InsertQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
  'MergeQueryNode',
]);

async function execute<R>(client: SqlClient, { sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
  const { rows, rowCount } = await client.query(sql, parameters);
  return {
    // Whoever builds the query says what its rows are, as with any dialect.
    rows: rows as R[],
    ...(CHANGES.has(query.kind) && { numAffectedRows: BigInt(rowCount ?? 0) }),
  };
}
