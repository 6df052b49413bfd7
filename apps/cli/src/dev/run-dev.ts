import type { DevFile } from '@longshore/client/internal';
import { makeGateReader } from '@longshore/effects';
import { startBroker, startLocalCluster, type LocalCluster } from '@longshore/embedded';
import { randomBytes } from 'node:crypto';
import type { CommandContext } from '../command-context.ts';
import { announce, withdraw, type DevFolder } from './dev-folder.ts';
import { startOnPort, type WantedPort } from './dev-ports.ts';
import { devServices } from './dev-services.ts';
import { DEV_CONNECTION } from './dev-text.ts';
import { replacedType } from './replaced-type.ts';
import { ServiceLogs } from './service-logs.ts';
import { startDevPostgres } from './start-dev-postgres.ts';

const CLUSTER = 'dev';
/** The role of the embedded Postgres by which gates are read. */
const GATE_READER = 'longshore_gates';
/** Long enough that one that fails at once doesn't fill the screen, short enough to see a node come back. */
const RESTART_AFTER_MS = 3_000;

export interface DevOptions {
  readonly folder: DevFolder;
  readonly executors: number;
  /** Processes of owner, node-manager and balancer each. */
  readonly replicas: number;
  readonly plugins: readonly string[];
  /** Absolute folders that imports may read. */
  readonly importRoots: readonly string[];
  readonly ports: Readonly<Record<'nats' | 'postgres', WantedPort>>;
  /** Show every line of every service. */
  readonly isVerbose: boolean;
}

/**
 * Runs a whole cluster until the context's signal aborts, then stops it. A service that ends by itself is started again.
 *
 * @param onUp called once everything is ready.
 * @throws {CliError} DEV_ALREADY_RUNNING, DEV_PORT_IN_USE; what a service that doesn't start says.
 */
export async function runDev(
  options: DevOptions,
  context: CommandContext,
  onUp: (cluster: LocalCluster) => void,
): Promise<void> {
  const { folder, ports } = options;
  const { signal } = context;
  signal.throwIfAborted();
  const note = (text: string): void => context.note(text);
  const postgres = await startOnPort(ports.postgres, (port) => startDevPostgres(folder, port, signal), note);
  const logs = new ServiceLogs(folder.logs);
  try {
    const token = randomBytes(24).toString('base64url');
    const broker = await startOnPort(ports.nats, (port) => startBroker({ port, token }), note);
    try {
      const addresses = { databaseUrl: postgres.url, natsUrl: broker.url, token };
      await runServices(addresses, options, logs, context, onUp);
    } finally {
      await broker.stop();
    }
  } finally {
    await postgres.stop();
    await logs.close();
  }
}

/** The services on servers that run, from their start to the end of the signal. */
async function runServices(
  addresses: Pick<DevFile, 'databaseUrl' | 'natsUrl' | 'token'>,
  options: DevOptions,
  logs: ServiceLogs,
  context: CommandContext,
  onUp: (cluster: LocalCluster) => void,
): Promise<void> {
  const { folder } = options;
  const { signal } = context;
  const { databaseUrl, natsUrl, token } = addresses;
  const replaced = new Set<string>();
  const up: { cluster?: LocalCluster } = {};
  const cluster = await startLocalCluster({
    cluster: CLUSTER,
    postgresUrl: databaseUrl,
    natsUrl,
    natsToken: token,
    services: devServices({
      executors: options.executors,
      replicas: options.replicas,
      plugins: options.plugins,
      connections: { [DEV_CONNECTION]: databaseUrl },
      gateConnections: { [DEV_CONNECTION]: await makeGateReader(databaseUrl, GATE_READER) },
      pluginSettings: { import: { roots: [...options.importRoots, `!${folder.path}`] } },
    }),
    signal,
    onLine: (name, line) => {
      logs.write(name, line);
      if (options.isVerbose) context.note(`${name}: ${line}`);
      const text = replacedType(line);
      // Each executor may say it.
      if (text === null || replaced.has(text)) return;
      replaced.add(text);
      context.note(`warning: ${text}`);
    },
    onUnexpectedExit: (name, exit) => {
      if (signal.aborted || up.cluster === undefined) return;
      context.note(`${name} ended (${exit.signal ?? `exit code ${exit.code}`}); starting it again`);
      setTimeout(() => void restart(up.cluster, name, context), RESTART_AFTER_MS).unref();
    },
  });
  up.cluster = cluster;
  try {
    announce(folder, { ...addresses, cluster: CLUSTER, pid: process.pid });
    onUp(cluster);
    await aborted(signal);
    context.note('\nstopping');
  } finally {
    withdraw(folder);
    await cluster.stop();
  }
}

async function restart(cluster: LocalCluster | undefined, name: string, context: CommandContext): Promise<void> {
  try {
    if (!context.signal.aborted) await cluster?.restart(name);
  } catch (thrown) {
    if (!context.signal.aborted) context.note(`${name} did not start again: ${(thrown as Error).message}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // An abort signal alone keeps no process up; the cluster's own handles may all be unreferenced.
    const stayingUp = setInterval(() => undefined, 60_000);
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(stayingUp);
        resolve();
      },
      { once: true },
    );
  });
}
