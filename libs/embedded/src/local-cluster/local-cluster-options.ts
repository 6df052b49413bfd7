import type { Broker, BrokerOptions } from '../broker/broker-options.ts';
import type { ChildExit, ChildProcessHandle } from '../children/child-process-handle.ts';
import type { EmbeddedPostgres, PostgresOptions } from '../postgres/postgres-options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the cluster's servers are. */
export interface ClusterAddresses {
  readonly cluster: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly natsToken: string | undefined;
}

/** How the processes of one service are started. */
export interface ServiceOptions {
  /** The main module: an absolute path or a `file:` URL of a `.ts` or `.js` file. */
  readonly entry: string | URL;
  /** Arguments after the main module. Default none. */
  readonly args?: readonly string[];
  /** Node's own flags. Default: the `--conditions` of this process. */
  readonly nodeArgs?: readonly string[];
  /**
   * Added to the environment of every process of the service; `undefined` removes a variable. A function is given the
   * servers' addresses, which are known only once they run. Default nothing.
   */
  readonly env?: Environment | ((addresses: ClusterAddresses) => Environment);
  /** Added for one process, by its number from 1; wins over `env`. Default nothing. */
  readonly instanceEnv?: (number: number) => Environment;
}

export interface ReplicatedServiceOptions extends ServiceOptions {
  /** How many processes. Default 1; 0 starts none. */
  readonly replicas?: number;
}

export interface ExecutorServiceOptions extends ServiceOptions {
  /** How many executors, which are the nodes `executor-1`, `executor-2` and so on. Default 1; 0 starts none. */
  readonly count?: number;
}

/** The services of a cluster; those that are left out are not started. */
export interface ClusterServices {
  readonly owner?: ReplicatedServiceOptions;
  readonly 'node-manager'?: ReplicatedServiceOptions;
  readonly balancer?: ReplicatedServiceOptions;
  readonly executor?: ExecutorServiceOptions;
}

/** What {@link startLocalCluster} takes. */
export interface LocalClusterOptions {
  readonly services: ClusterServices;
  /** Name of the cluster, the `<cluster>` of every subject. Default `local`. */
  readonly cluster?: string;
  /** Use this Postgres instead of an embedded one; nothing is created in it or removed from it here. */
  readonly postgresUrl?: string;
  /** Use this NATS server instead of the embedded broker. */
  readonly natsUrl?: string;
  /** Token for NATS. Default: a generated one for the embedded broker, none for `natsUrl`. */
  readonly natsToken?: string;
  /** Options of the embedded Postgres. Default: a temporary one. */
  readonly postgres?: PostgresOptions;
  /** Options of the embedded broker. Default: a free port. */
  readonly broker?: Omit<BrokerOptions, 'token'>;
  /** Added to the environment of every process; a service's own `env` wins. Default nothing. */
  readonly env?: Environment;
  /** Called for every line a process writes. Default: lines are only kept for messages. */
  readonly onLine?: (name: string, line: string, stream: 'stdout' | 'stderr') => void;
  /** Called when a process ended that was not stopped through the handle. Nothing is restarted by itself. */
  readonly onUnexpectedExit?: (name: string, exit: ChildExit) => void;
  /** How long a process may take to be ready, in milliseconds. Default 30000. */
  readonly readyTimeoutMs?: number;
  /** Milliseconds between SIGTERM and SIGKILL when a process is stopped. Default 10000. */
  readonly stopGraceMs?: number;
  /** Aborting it ends a start under way and stops what has started; a cluster that is up is not touched. */
  readonly signal?: AbortSignal;
}

/** A running cluster on this machine. It ends with this process, whatever ends it. */
export interface LocalCluster {
  readonly cluster: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** The token clients give to NATS; `undefined` when it needs none. */
  readonly natsToken: string | undefined;
  /** The embedded servers, for tests of an outage; `undefined` when a URL was given. */
  readonly postgres: EmbeddedPostgres | undefined;
  readonly broker: Broker | undefined;
  /** The processes by name (`owner-1`, `executor-2`), in the order they were planned; also those that have ended. */
  readonly processes: ReadonlyMap<string, ChildProcessHandle>;
  /**
   * The executor with this number, from 1.
   * @throws {EmbeddedError} `EMBEDDED_UNKNOWN_PROCESS` when there is none.
   */
  readonly executor: (number: number) => ChildProcessHandle;
  /**
   * Starts one more executor, with the next number; resolves when it is ready.
   * @param env added to its environment.
   * @throws {EmbeddedError} as {@link startChild}; `EMBEDDED_UNKNOWN_PROCESS` when the cluster has no executor entry;
   *   `EMBEDDED_CLUSTER_STOPPED` after `stop()`.
   */
  readonly addExecutor: (env?: Environment) => Promise<ChildProcessHandle>;
  /**
   * Stops a process (if it still runs) and starts it anew under the same name; `postgres` and `broker` are restarted on
   * the same port, Postgres with the same data.
   * @throws {EmbeddedError} as {@link startChild}; `EMBEDDED_UNKNOWN_PROCESS` for a name that is not in the cluster;
   *   `EMBEDDED_CLUSTER_STOPPED` after `stop()`.
   */
  readonly restart: (name: string) => Promise<void>;
  /**
   * Stops executors, then the other services, then the broker, then Postgres. Safe to call twice. Takes at most twice
   * `stopGraceMs` and 30 s.
   * @throws {EmbeddedError} `EMBEDDED_POSTGRES_STOP_FAILED`, after everything else was stopped.
   */
  readonly stop: () => Promise<void>;
}
