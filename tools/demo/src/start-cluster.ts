import { startLocalCluster, startPostgres, type EmbeddedPostgres, type LocalCluster } from '@longshore/embedded';
import { devServices } from 'longshore';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** The name under which the import reaches the database. */
export const CONNECTION = 'target';

/** A temporary Postgres, and the folder for the CSV file inside its own: one process removes both, whatever ends the demo. */
export async function startDemoPostgres(signal: AbortSignal): Promise<{ postgres: EmbeddedPostgres; folder: string }> {
  const postgres = await startPostgres({ signal });
  const folder = join(postgres.dataDir, 'demo');
  mkdirSync(folder);
  return { postgres, folder };
}

/** One owner, one node-manager, one balancer and the executors, as processes of their own. */
export function startDemoCluster(
  databaseUrl: string,
  importRoot: string,
  executors: number,
  signal: AbortSignal,
): Promise<LocalCluster> {
  return startLocalCluster({
    cluster: 'demo',
    postgresUrl: databaseUrl,
    services: devServices({
      executors,
      plugins: ['@longshore/plugin-import'],
      connections: { [CONNECTION]: databaseUrl },
      pluginSettings: { import: { roots: [importRoot] } },
    }),
    signal,
  });
}
