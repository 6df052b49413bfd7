import { makeGateReader } from '@longshore/effects';
import { startLocalCluster, type LocalCluster } from '@longshore/embedded';
import type { CommandContext } from '../command-context.ts';
import { announce, withdraw, type DevFolder } from './dev-folder.ts';
import { devServices } from './dev-services.ts';
import { DEV_CONNECTION } from './dev-text.ts';
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
  /** Show every line of every service. */
  readonly isVerbose: boolean;
}

/**
 * Runs a whole cluster until the context's signal aborts, then stops it. A service that ends by itself is started again.
 *
 * @param onUp called once everything is ready.
 */
export async function runDev(
  options: DevOptions,
  context: CommandContext,
  onUp: (cluster: LocalCluster) => void,
): Promise<void> {
  const { folder } = options;
  const { signal } = context;
  signal.throwIfAborted();
  const postgres = await startDevPostgres(folder, signal);
  const logs = new ServiceLogs(folder.logs);
  let running: LocalCluster | undefined;
  try {
    const gates = await makeGateReader(postgres.url, GATE_READER);
    const cluster = await startLocalCluster({
      cluster: CLUSTER,
      postgresUrl: postgres.url,
      services: devServices({
        executors: options.executors,
        replicas: options.replicas,
        plugins: options.plugins,
        connections: { [DEV_CONNECTION]: postgres.url },
        gateConnections: { [DEV_CONNECTION]: gates },
        pluginSettings: { import: { roots: [...options.importRoots, `!${folder.path}`] } },
      }),
      signal,
      onLine: (name, line) => {
        logs.write(name, line);
        if (options.isVerbose) context.note(`${name}: ${line}`);
      },
      onUnexpectedExit: (name, exit) => {
        if (signal.aborted || running === undefined) return;
        context.note(`${name} ended (${exit.signal ?? `exit code ${exit.code}`}); starting it again`);
        setTimeout(() => void restart(running, name, context), RESTART_AFTER_MS).unref();
      },
    });
    running = cluster;
    try {
      const { natsUrl, natsToken = '', databaseUrl } = cluster;
      announce(folder, { natsUrl, token: natsToken, databaseUrl, cluster: CLUSTER, pid: process.pid });
      onUp(cluster);
      await aborted(signal);
      context.note('\nstopping');
    } finally {
      withdraw(folder);
      await cluster.stop();
    }
  } finally {
    await postgres.stop();
    await logs.close();
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
