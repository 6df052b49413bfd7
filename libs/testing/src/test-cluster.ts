import { connectLongshore, type LongshoreClient } from '@longshore/client';
import { startLocalCluster, type LocalCluster, type LocalClusterOptions } from '@longshore/embedded';

export interface TestClusterOptions {
  /** Task-type packages or module paths that executors load. */
  readonly plugins: readonly string[];
  /** How many executors. Default 1. */
  readonly executors?: number;
  /** Slots of each executor. Default 2. */
  readonly slots?: number;
  /** Replicas of owner, node-manager and balancer. Default 1. */
  readonly replicas?: number;
  /** Settings by task type, as in the executor's configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Connections by name. */
  readonly connections?: Readonly<Record<string, string>>;
  /** A connection of this name to the database that the cluster keeps its own tables in, as a target for small tests. */
  readonly connectStoreAs?: string;
  /**
   * Role by which gates of `connectStoreAs` are read, with its name as its password; a test makes it. Default: none, and no query of a gate
   * is asked.
   */
  readonly gateRole?: string;
  /** Added to the environment of every service. */
  readonly env?: Readonly<Record<string, string>>;
  /** Added to the environment of one executor, by its number from 1: a scope, labels. Default nothing. */
  readonly executorEnv?: (number: number) => Readonly<Record<string, string>>;
  /** Use this Postgres and NATS instead of embedded ones, or start Postgres with other options. Default: embedded, without fsync. */
  readonly servers?: Pick<LocalClusterOptions, 'postgres' | 'postgresUrl' | 'natsUrl' | 'natsToken'>;
  /** Sees every line that a process writes. */
  readonly onLine?: (process: string, line: string) => void;
}

/** A running cluster with a client. */
export interface TestCluster {
  readonly cluster: LocalCluster;
  readonly client: LongshoreClient;
  /** The last lines of every process, for the message of a failed test. */
  logs(): string;
  stop(): Promise<void>;
}

/** Lines of each process that are kept for messages. */
const KEPT_LINES = 200;

/** How long a process may take to be ready, in milliseconds: only a hang takes longer, also on a machine that is busy many times over. */
const READY_TIMEOUT_MS = 120_000;

/**
 * Starts a small real cluster: an embedded Postgres, a broker, and the four services as processes of their own. It ends with the
 * test process, whatever ends that.
 *
 * Leases are short (2 s), so that a test which kills something doesn't wait long.
 */
export async function startTestCluster(options: TestClusterOptions): Promise<TestCluster> {
  const lines = new Map<string, string[]>();
  const keep = (name: string, line: string): void => {
    const kept = lines.get(name) ?? [];
    kept.push(line);
    if (kept.length > KEPT_LINES) kept.shift();
    lines.set(name, kept);
    options.onLine?.(name, line);
  };
  const replicas = options.replicas ?? 1;
  const entry = (service: string): URL => new URL(import.meta.resolve(`@longshore/${service}/main`));
  const cluster = await startLocalCluster({
    services: {
      owner: { entry: entry('owner'), replicas },
      'node-manager': { entry: entry('node-manager'), replicas },
      balancer: { entry: entry('balancer'), replicas },
      executor: {
        entry: entry('executor'),
        count: options.executors ?? 1,
        env: ({ databaseUrl }) => ({
          LONGSHORE_PLUGINS: options.plugins.join(','),
          LONGSHORE_PLUGIN_SETTINGS: JSON.stringify(options.settings ?? {}),
          LONGSHORE_SLOTS: String(options.slots ?? 2),
          ...connectionsOf(options, databaseUrl),
        }),
        ...(options.executorEnv === undefined ? {} : { instanceEnv: options.executorEnv }),
      },
    },
    postgres: { durable: false },
    ...options.servers,
    env: {
      LONGSHORE_LEASE_TTL_MS: '2000',
      LONGSHORE_LEASE_MARGIN_MS: '1000',
      LONGSHORE_LEADER_TTL_MS: '2000',
      LONGSHORE_POLL_MS: '200',
      ...options.env,
    },
    onLine: keep,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  try {
    const client = await connectLongshore({
      servers: cluster.natsUrl,
      cluster: cluster.cluster,
      ...(cluster.natsToken === undefined ? {} : { token: cluster.natsToken }),
    });
    return {
      cluster,
      client,
      logs: () => [...lines].map(([name, kept]) => `--- ${name}\n${kept.join('\n')}`).join('\n'),
      stop: async () => {
        await client.close();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Connections as the executor's environment names them. */
function connectionsOf(options: TestClusterOptions, databaseUrl: string): Record<string, string> {
  const connections = { ...options.connections };
  if (options.connectStoreAs !== undefined) connections[options.connectStoreAs] = databaseUrl;
  const env = Object.entries(connections).map(([name, url]) => [`LONGSHORE_CONNECTION_${name.toUpperCase()}`, url]);
  if (options.connectStoreAs !== undefined && options.gateRole !== undefined) {
    const { gateRole } = options;
    const { href } = Object.assign(new URL(databaseUrl), { username: gateRole, password: gateRole });
    env.push([`LONGSHORE_GATE_CONNECTION_${options.connectStoreAs.toUpperCase()}`, href]);
  }
  return Object.fromEntries(env) as Record<string, string>;
}
