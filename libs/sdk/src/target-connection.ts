import type { JsonValue } from './json.ts';

export type SqlRow = Record<string, unknown>;

export interface SqlResult<R extends SqlRow = SqlRow> {
  readonly rows: R[];
  readonly rowCount: number | null;
}

/** The part of a target session that plugins need. */
export interface SqlClient {
  /**
   * Runs one statement. Values travel as parameters, never as text.
   *
   * @throws the driver's error, with its SQLSTATE in `code`.
   */
  query<R extends SqlRow = SqlRow>(text: string, values?: readonly unknown[]): Promise<SqlResult<R>>;
  /** Hands a driver stream (such as one of `pg-copy-streams`) to the session, and returns it. */
  stream<S>(submittable: S): S;
}

/** A subtask's row in the ledger of the target database. */
export interface LedgerEntry {
  readonly subtaskId: string;
  readonly step: string;
  readonly attempt: number;
  /** What the effect returned. */
  readonly result: JsonValue;
  /** The effect's transaction id, as a decimal string of 64 bits; its lower 32 bits are the `xmin` of the rows that it wrote. */
  readonly transactionId: string;
}

export interface EffectOutcome<R extends JsonValue> {
  readonly result: R;
  /** True: an earlier attempt committed this effect, and `result` is its result. Nothing was done twice. */
  readonly isRepeat: boolean;
}

/** `effectBatches` hands this to its work, for effects of many transactions. */
export interface EffectBatches<C extends JsonValue> {
  /** How far the effects are committed: the place of the former attempt, later that of the last batch. */
  readonly checkpoint: C;
  /**
   * Runs one batch. The writes of `work` and the checkpoint that it returns commit together.
   *
   * @throws {TaskTypeError} EFFECTS_SUPERSEDED when a newer attempt has taken over, EFFECTS_FENCE_CLOSED after a revert; whatever
   * `work` throws, after the rollback.
   */
  batch(work: (client: SqlClient, checkpoint: C) => Promise<C>): Promise<C>;
}

/**
 * A connection that a task's meta names and the executor resolves. Its methods keep effects in a target database
 * harmless when a subtask runs twice, or late. Work writes only through `effectOnce`, `effectBatches` or `effectSession`, and
 * a revert only through `revertEffects` and `revertSession`. A connection that the type's `connections` doesn't name is refused.
 */
export interface TargetConnection {
  readonly name: string;
  /** Reads and checks that change nothing. The session goes back to the pool afterwards. */
  read<T>(work: (client: SqlClient) => Promise<T>): Promise<T>;
  /**
   * Runs the subtask's whole effect as one transaction, together with its row in the ledger. It is committed exactly once, even if
   * the subtask runs several times: a second attempt waits for the first one's transaction and then gets its result.
   * READ COMMITTED; once per subtask and connection.
   *
   * @param work gets the transaction's session; what it returns is kept in the ledger (JSON, at most 64 KiB).
   * @throws the error of `work`, after the rollback; {TaskTypeError} EFFECTS_VALUE_INVALID when its result is not JSON.
   */
  effectOnce<R extends JsonValue>(work: (client: SqlClient) => Promise<R>): Promise<EffectOutcome<R>>;
  /**
   * Runs the subtask's effect as many transactions, each with its place in the ledger. Rows and checkpoint commit together, so after a
   * crash the next attempt continues after the last committed batch. Once per subtask and connection.
   *
   * @param start the checkpoint of a subtask that never ran (JSON, at most 64 KiB).
   * @param work runs the batches; what it returns is kept in the ledger.
   */
  effectBatches<C extends JsonValue, R extends JsonValue>(
    start: C,
    work: (batches: EffectBatches<C>) => Promise<R>,
  ): Promise<EffectOutcome<R>>;
  /**
   * Runs statements that can't be in a transaction (`CREATE INDEX CONCURRENTLY`). The session holds the task's fence, so that a
   * revert waits for it or ends it. There is no ledger: recognise a repeat by the catalog. Needs a direct
   * or session-pooled connection.
   */
  effectSession<T>(work: (client: SqlClient) => Promise<T>): Promise<T>;
  /** This task's committed effects through this connection, in order of their subtasks' ids; of one step, or of all. */
  ledger(step?: string): Promise<readonly LedgerEntry[]>;
  /**
   * Undoes this task's effects of this connection in one transaction, for `revert` hooks. It closes the task's fence in the database for
   * ever: after that no late attempt can commit anything, through any connection. Open effects get a grace time (5 s), then their
   * sessions are ended. When `work` has returned, the ledger's rows of this task and connection are removed in the same transaction.
   *
   * @param work gets the session and what the task had committed.
   */
  revertEffects<T>(work: (client: SqlClient, committed: readonly LedgerEntry[]) => Promise<T>): Promise<T>;
  /**
   * Like `revertEffects` for statements that can't be in a transaction (`DROP INDEX CONCURRENTLY`), or that should hold their locks
   * one after the other. Only this session is inside the closed fence until `work` has returned; then the ledger's rows are removed.
   * After a crash it begins anew, so `work` must find in the catalog what is still to be undone. Needs a direct or session-pooled
   * connection.
   */
  revertSession<T>(work: (client: SqlClient, committed: readonly LedgerEntry[]) => Promise<T>): Promise<T>;
}
