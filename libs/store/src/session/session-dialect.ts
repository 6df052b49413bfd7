import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';
import type pg from 'pg';
import { runCompiled } from './prepared.ts';

/**
 * Kysely over one session, for the statements of a transaction. Unlike Kysely's own transactions it doesn't wait for one statement's
 * answer before it sends the next one, so statements that need nothing of each other take one trip to the server together. They are
 * still carried out one after the other, each with a snapshot of its own.
 */
export function sessionDialect(session: pg.ClientBase): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => sessionDriver(session),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

function sessionDriver(session: pg.ClientBase): Driver {
  const connection: DatabaseConnection = {
    executeQuery: <R>(statement: CompiledQuery): Promise<QueryResult<R>> =>
      runCompiled(session, statement as CompiledQuery<R>),
    streamQuery: () => {
      throw new TypeError('the store reads pages, not streams');
    },
  };
  const notHere = (): Promise<never> => Promise.reject(new TypeError('transactions are begun by inTransaction'));
  return {
    init: () => Promise.resolve(),
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: notHere,
    commitTransaction: notHere,
    rollbackTransaction: notHere,
    releaseConnection: () => Promise.resolve(),
    destroy: () => Promise.resolve(),
  };
}
