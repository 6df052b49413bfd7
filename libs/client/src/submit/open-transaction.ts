import { LongshoreError } from '@longshore/core';

/** The part of a `pg` client that is used: a client on which `BEGIN` was sent. */
export interface PgTransaction {
  /** A pool has it: each of its statements commits by itself, on any of its sessions. */
  readonly totalCount?: never;
  /** I: in no transaction. Older versions of `pg` can't tell. */
  getTransactionStatus?(): string | null;
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A statement as Kysely hands it to its driver. */
export interface CompiledStatement {
  readonly query: {
    readonly kind: 'RawNode';
    readonly sqlFragments: readonly string[];
    readonly parameters: readonly never[];
  };
  readonly queryId: { readonly queryId: string };
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** The part of a Kysely transaction that is used. */
export interface KyselyTransaction {
  readonly isTransaction: boolean;
  executeQuery(statement: CompiledStatement): Promise<{ readonly rows: readonly unknown[] }>;
}

/** An open transaction of the caller's. */
export type OpenTransaction = PgTransaction | KyselyTransaction;

/**
 * Runs a statement in a transaction of either kind.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID for a pool, and for a client or Kysely that is in no transaction: the statement would commit by itself.
 */
export async function runWithin(
  transaction: OpenTransaction,
  text: string,
  values: readonly unknown[],
): Promise<readonly unknown[]> {
  if ('totalCount' in transaction) {
    throw new LongshoreError(
      'ARGUMENT_INVALID',
      'transaction: this is a pool, which has no transaction; take a client with pool.connect(), send BEGIN on it, and give that',
    );
  }
  if ('getTransactionStatus' in transaction && transaction.getTransactionStatus() === 'I') {
    throw new LongshoreError(
      'ARGUMENT_INVALID',
      "transaction: this client is in no transaction; await client.query('BEGIN') before",
    );
  }
  if (!('executeQuery' in transaction)) return (await transaction.query(text, [...values])).rows;
  if (!transaction.isTransaction) {
    throw new LongshoreError(
      'ARGUMENT_INVALID',
      'transaction: this Kysely is not in a transaction; call it in db.transaction().execute((trx) => …) with trx',
    );
  }
  return (await transaction.executeQuery(compiled(text, values))).rows;
}

let statements = 0;

/** What Kysely's own `CompiledQuery.raw` makes; made here, so that the client doesn't bring a second Kysely. */
function compiled(sql: string, parameters: readonly unknown[]): CompiledStatement {
  return {
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    // Plugins remember by it what they do with the rows.
    queryId: { queryId: `longshore-${++statements}` },
    sql,
    parameters,
  };
}
