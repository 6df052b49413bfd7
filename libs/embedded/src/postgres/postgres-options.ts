/** What {@link startPostgres} takes. Everything has a default: `startPostgres()` gives a temporary server. */
export interface PostgresOptions {
  /**
   * Folder that keeps the data (made when missing): the cluster in `data/`, its password in `password` (0600), the
   * server's log of the last start in `postgres.log`. Default: a temporary folder that is removed with the server.
   */
  readonly dataDir?: string;
  /** TCP port on 127.0.0.1. Default 0: a free one between 15000 and 32767, another one when it was taken meanwhile. */
  readonly port?: number;
  /** Password of the superuser `postgres`. Default: generated, or the one that a kept `dataDir` was made with. */
  readonly password?: string;
  /** Server settings by name, as in `postgresql.conf`. Default: `max_connections` 200, `timezone` UTC. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /**
   * Whether a commit survives a crash of the machine. Default true. `false` turns off `fsync`, `synchronous_commit` and
   * `full_page_writes`: several times faster, for tests whose data nobody needs after the run.
   */
  readonly durable?: boolean;
  /** How long a start may take, in milliseconds. Default 60000; crash recovery of a large `dataDir` may need more. */
  readonly startTimeoutMs?: number;
  /** Aborting it ends a start that is under way; a server that is up is not touched. */
  readonly signal?: AbortSignal;
}

/** A running Postgres. It ends with this process, whatever ends it. */
export interface EmbeddedPostgres {
  /** `postgres://postgres:<password>@127.0.0.1:<port>/postgres` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** The folder of {@link PostgresOptions.dataDir}, or the temporary one. */
  readonly dataDir: string;
  /** Process id of the server; `undefined` while it is stopped. */
  readonly pid: number | undefined;
  /** Process id of the keeper, the small process that ends the server with this one. */
  readonly keeperPid: number;
  /**
   * Stops the server (fast shutdown; immediate after 8 s) and removes a temporary folder. Safe to call twice. Takes at
   * most 30 s.
   * @throws {EmbeddedError} `EMBEDDED_POSTGRES_STOP_FAILED` when the server is still there after that.
   */
  readonly stop: () => Promise<void>;
  /** Stops and starts the server: same port, same data. */
  readonly restart: () => Promise<void>;
  /** For tests of an outage: stops the server and keeps port and data for {@link startProcess}. */
  readonly stopProcess: () => Promise<void>;
  /**
   * Starts the server again after {@link stopProcess} or {@link kill}.
   * @throws {EmbeddedError} `EMBEDDED_POSTGRES_START_FAILED`, or `EMBEDDED_PORT_IN_USE` when the port was taken.
   */
  readonly startProcess: () => Promise<void>;
  /**
   * Sends a signal to the server process. Resolves when the server has ended for SIGKILL, SIGQUIT, SIGINT and SIGABRT,
   * at once for others (SIGSTOP and SIGCONT make a server that hangs).
   */
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
}
