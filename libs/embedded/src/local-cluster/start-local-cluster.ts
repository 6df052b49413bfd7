import { ClusterProcesses, stoppedError, unknownProcess } from './cluster-processes.ts';
import { restartBroker, startServers, type ClusterServers } from './cluster-servers.ts';
import type { LocalCluster, LocalClusterOptions } from './local-cluster-options.ts';
import { planExecutor, planProcesses } from './planned-process.ts';

/**
 * Starts a whole cluster on this machine: Postgres and the broker (unless their URLs are given), then every service
 * process at the same time. Nothing is created in the database here; the services do that themselves in development
 * mode. Each process gets `LONGSHORE_DATABASE_URL`, `LONGSHORE_NATS_URL`, `LONGSHORE_NATS_TOKEN`, `LONGSHORE_CLUSTER`,
 * `LONGSHORE_MODE=development`, `LONGSHORE_HTTP_PORT=0`, and an executor `LONGSHORE_NODE_ID`.
 *
 * When something does not start, everything that did is stopped again and the first failure is thrown.
 *
 * @throws {EmbeddedError} as {@link startPostgres}, {@link startBroker} and {@link startChild}.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  options.signal?.throwIfAborted();
  const servers = await startServers(options);
  const processes = new ClusterProcesses(servers.addresses, options);
  try {
    await processes.startAll(planProcesses(options.services));
  } catch (error) {
    // What went wrong first is what the caller has to know; a failing stop after it is not.
    await stopEverything(processes, servers).catch(() => undefined);
    throw error;
  }

  const { executor } = options.services;
  let nextExecutor = (executor?.count ?? 1) + 1;
  let stopping: Promise<void> | undefined;
  return {
    ...servers.addresses,
    postgres: servers.postgres,
    get broker() {
      return servers.broker;
    },
    processes: processes.handles,
    executor: (number) => processes.get(`executor-${number}`),
    addExecutor: async (env = {}) => {
      if (executor === undefined) throw unknownProcess('executor entry', [...processes.handles.keys()]);
      return processes.start({ ...planExecutor(executor, nextExecutor++), extraEnv: env });
    },
    restart: async (name) => {
      if (stopping !== undefined) throw stoppedError();
      if (name === 'postgres' && servers.postgres !== undefined) await servers.postgres.restart();
      else if (name === 'broker' && servers.broker !== undefined) await restartBroker(servers, options);
      else await processes.restart(name);
    },
    stop: () => (stopping ??= stopEverything(processes, servers)),
  };
}

async function stopEverything(processes: ClusterProcesses, servers: ClusterServers): Promise<void> {
  await processes.stopAll();
  await servers.broker?.stop();
  await servers.postgres?.stop();
}
