import type { LocalCluster } from '@longshore/embedded';
import { relative } from 'node:path';
import type { CommandContext } from '../command-context.ts';
import { fieldsText } from '../output/table.ts';
import type { DevFolder } from './dev-folder.ts';

/** The name under which tasks reach the embedded Postgres. */
export const DEV_CONNECTION = 'dev';

/** What a person is told once the cluster is up: how to reach it and what to try. */
export function devText(
  cluster: LocalCluster,
  folder: DevFolder,
  roots: readonly string[],
  context: CommandContext,
): string {
  const { cwd, program } = context;
  const { hostname, port, pathname, username } = new URL(cluster.databaseUrl);
  const near = (path: string): string => relative(cwd, path) || '.';
  const processes = [...cluster.processes.values()].map(({ name, pid }) => `${name} (${pid})`);
  const fields = fieldsText([
    ['NATS', `${cluster.natsUrl}, cluster ${cluster.cluster}; the token is in ${near(folder.devFile)}`],
    ['SQL', `${program} dev sql 'SELECT 1'`],
    [
      'Postgres',
      `PGPASSFILE=${near(folder.passFile)} psql -h ${hostname} -p ${port} -U ${username} ${pathname.slice(1)}`,
    ],
    ['connection', `tasks name that database as ${JSON.stringify(DEV_CONNECTION)}`],
    ['files', `import reads them below ${roots.join(', ')}`],
    ['processes', processes.join(', ')],
    ['logs', near(folder.logs)],
  ]);
  return `the dev cluster is up

${fields}

Try in another terminal, in this folder:
  ${program} node list
  ${program} type list
  ${program} type show import

Ctrl-C stops it; its data stays in ${near(folder.path)}.`;
}

/** The same for a program; secrets stay in the files. */
export function devJson(cluster: LocalCluster, folder: DevFolder): string {
  const { hostname, port, pathname, username } = new URL(cluster.databaseUrl);
  return JSON.stringify({
    cluster: cluster.cluster,
    natsUrl: cluster.natsUrl,
    devFile: folder.devFile,
    connection: DEV_CONNECTION,
    database: {
      host: hostname,
      port: Number(port),
      user: username,
      name: pathname.slice(1),
      passFile: folder.passFile,
    },
    processes: [...cluster.processes.values()].map(({ name, pid }) => ({ name, pid })),
  });
}
