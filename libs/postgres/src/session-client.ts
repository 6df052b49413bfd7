import pg from 'pg';

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

/**
 * What a server reports of itself in each session, from the first packets on and whenever it changes: a standby, or one that was told to take no
 * writes. Libpq's `target_session_attrs` looks at the same (Postgres 14 and newer).
 */
const READ_ONLY_REPORTS: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only']);

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** A session of the driver that says whether it waits for its server, and can be broken off. */
export class SessionClient extends pg.Client {
  // Both are the driver's own, and its types don't name them; a test tells if a new version has them no more.
  declare readonly readyForQuery: boolean | undefined;
  declare readonly processID: number | null;

  /** @param mustWrite whether a session of a server that takes no writes is broken off, with Postgres's error 25006. */
  constructor(config: pg.ClientConfig | undefined, mustWrite: boolean) {
    super(config);
    if (!mustWrite) return;
    this.connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) => {
      if (READ_ONLY_REPORTS.has(parameterName) && parameterValue === 'on') this.breakOff(readOnlyServer(parameterName));
    });
  }

  /** Whether something was sent whose answer is not complete. False while it connects, for which the pool has a limit of its own. */
  get isAwaitingAnswer(): boolean {
    return this.readyForQuery === false;
  }

  /** Bytes that have come from the server. */
  get bytesRead(): number {
    const { stream } = this.connection;
    return 'bytesRead' in stream && typeof stream.bytesRead === 'number' ? stream.bytesRead : 0;
  }

  /** Destroys the socket: all that waits for it fails with this error, and the pool replaces the session. Nothing is said to the server. */
  breakOff(error: Error): void {
    this.connection.stream.destroy(error);
  }
}

function readOnlyServer(why: string): Error {
  const error = new Error(`the server takes no writes (${why} is on): it is a standby, or was told so`);
  return Object.assign(error, { code: READ_ONLY });
}
