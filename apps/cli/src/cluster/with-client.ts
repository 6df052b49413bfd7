import { connectLongshore, type LongshoreClient } from '@longshore/client';
import { findCluster } from '@longshore/client/internal';
import { InvalidArgumentError, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { findCaller } from './caller.ts';

/** What the user said about the cluster on the command line. Credentials are never a flag, because every process list shows flags. */
export interface ClusterFlags {
  readonly server?: string;
  readonly cluster?: string;
}

/** Flags of every command that speaks to a cluster. */
export interface CommonFlags extends ClusterFlags {
  readonly json?: boolean;
}

/** Adds those flags to a command. */
export function withClusterFlags(command: Command): Command {
  return command
    .option(
      '-s, --server <url>',
      'NATS servers, comma-separated; default: $LONGSHORE_NATS_URL, then the dev cluster here',
    )
    .option('-c, --cluster <name>', 'name of the cluster; default: $LONGSHORE_CLUSTER, then "default"', clusterName)
    .option('--json', 'print JSON for programs');
}

function clusterName(name: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new InvalidArgumentError('a cluster name has 1 to 64 letters, digits, "-" or "_".');
  }
  return name;
}

/** Connects to the cluster that the command is meant for, and always closes the connection. */
export async function withClient<T>(
  flags: ClusterFlags,
  context: CommandContext,
  work: (client: LongshoreClient) => Promise<T>,
): Promise<T> {
  const client = await connectLongshore({
    ...findCluster({ server: flags.server, cluster: flags.cluster }, context.env, context.cwd),
    name: 'longshore-cli',
    principal: findCaller(context.env),
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
