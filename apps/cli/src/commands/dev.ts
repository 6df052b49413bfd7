import { DEV_FOLDER } from '@longshore/client/internal';
import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { CommandContext } from '../command-context.ts';
import { makeDevFolder } from '../dev/dev-folder.ts';
import { DEV_PORTS, type WantedPort } from '../dev/dev-ports.ts';
import { devJson, devText } from '../dev/dev-text.ts';
import { runDev } from '../dev/run-dev.ts';
import { addDevSqlCommand } from './dev-sql.ts';
import { collected, wholeNumber } from './options.ts';

const BUILT_IN_PLUGINS = ['@longshore/plugin-import', '@longshore/plugin-add-index', '@longshore/plugin-backfill'];

interface DevFlags {
  readonly executors: number;
  readonly replicas: number;
  readonly plugin?: readonly string[];
  readonly builtIns: boolean;
  readonly dataDir: string;
  readonly natsPort?: number;
  readonly postgresPort?: number;
  readonly importRoot?: readonly string[];
  readonly verbose?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ longshore dev
  $ longshore dev --executors 5 --import-root /data/exports
  $ longshore dev --replicas 2        then kill a leader, and see the standby lead
  $ longshore dev --plugin ./my-task-type.ts
  $ longshore dev sql 'CREATE TABLE orders (id int, total numeric)'

It runs a real Postgres, a message broker and all services on this machine. They listen on 127.0.0.1, at every start on the same
ports; where one is in use, on the next free one, and it says so. It keeps its data in --data-dir. Other commands, and
connectLongshore() of an application, find it from the same folder and from folders below. From elsewhere:
  $ longshore task list --server path/to/.longshore/dev.json`;

export function addDevCommand(program: Command, context: CommandContext): void {
  const dev = program
    .command('dev')
    .description('run a whole cluster on this machine until Ctrl-C')
    .option('--executors <n>', 'how many executors', wholeNumber(1, 64), 3)
    .option(
      '--replicas <n>',
      'processes each of owner, node-manager and balancer; one leads, the others stand by',
      wholeNumber(1, 8),
      1,
    )
    .option(
      '--plugin <package>',
      `package or file with a task type, beside the built-in ones (${BUILT_IN_PLUGINS.join(', ')}); may be given several times`,
      collected,
    )
    .option('--no-built-ins', 'only the task types that --plugin names')
    .option('--data-dir <folder>', 'where the data is kept', DEV_FOLDER)
    .option(
      '--nats-port <port>',
      `port of NATS; 0 takes any free one; default: ${DEV_PORTS.nats} or the next free one`,
      wholeNumber(0, 65_535),
    )
    .option(
      '--postgres-port <port>',
      `port of Postgres; 0 takes any free one; default: ${DEV_PORTS.postgres} or the next free one`,
      wholeNumber(0, 65_535),
    )
    .option(
      '--import-root <folder>',
      'folder that imports may read; may be given several times; default: this folder',
      collected,
    )
    .option('--verbose', 'show the logs of all services')
    .option('--json', 'print JSON for programs once it has started')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DevFlags) => {
      const importRoots = (flags.importRoot ?? ['.']).map((root) => existingFolder(root, context.cwd));
      const plugins = pluginsOf(flags, context.cwd);
      const folder = makeDevFolder(resolve(context.cwd, flags.dataDir));
      const options = {
        folder,
        executors: flags.executors,
        replicas: flags.replicas,
        plugins,
        importRoots,
        ports: {
          nats: wantedPort('NATS', flags.natsPort, DEV_PORTS.nats),
          postgres: wantedPort('Postgres', flags.postgresPort, DEV_PORTS.postgres),
        },
        isVerbose: flags.verbose === true,
      };
      if (flags.json !== true) context.note('starting …');
      await runDev(options, context, (cluster) => {
        context.print(flags.json === true ? devJson(cluster, folder) : devText(cluster, folder, importRoots, context));
      });
    });
  addDevSqlCommand(dev, context);
}

function wantedPort(of: string, given: number | undefined, usual: number): WantedPort {
  return { of, port: given ?? usual, isFixed: given !== undefined };
}

/** Each once: a built-in one may be named too. */
function pluginsOf({ plugin = [], builtIns }: DevFlags, cwd: string): readonly string[] {
  const plugins = [...(builtIns ? BUILT_IN_PLUGINS : []), ...plugin.map((name) => pluginName(name, cwd))];
  if (plugins.length > 0) return [...new Set(plugins)];
  throw new LongshoreError('ARGUMENT_INVALID', '--no-built-ins leaves no task type; name one with --plugin');
}

/** A path means the same in every process; a package's name is left to the executor. */
function pluginName(name: string, cwd: string): string {
  if (name.includes(','))
    throw new LongshoreError('ARGUMENT_INVALID', `--plugin ${name}: give each plugin its own flag`);
  return name.startsWith('.') || isAbsolute(name) ? resolve(cwd, name) : name;
}

function existingFolder(path: string, cwd: string): string {
  const folder = resolve(cwd, path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new LongshoreError('ARGUMENT_INVALID', `--import-root ${path}: the folder does not exist`);
}
