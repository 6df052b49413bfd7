import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { DEV_FOLDER } from '../cluster/dev-file.ts';
import type { CommandContext } from '../command-context.ts';
import { makeDevFolder } from '../dev/dev-folder.ts';
import { devJson, devText } from '../dev/dev-text.ts';
import { runDev } from '../dev/run-dev.ts';
import { collected, wholeNumber } from './options.ts';

const DEFAULT_PLUGINS = ['@longshore/plugin-import', '@longshore/plugin-add-index', '@longshore/plugin-backfill'];

interface DevFlags {
  readonly executors: number;
  readonly replicas: number;
  readonly plugin?: readonly string[];
  readonly dataDir: string;
  readonly importRoot?: readonly string[];
  readonly verbose?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ longshore dev
  $ longshore dev --executors 5 --import-root /data/exports
  $ longshore dev --replicas 2        then kill a leader, and see the standby lead
  $ longshore dev --plugin @longshore/plugin-import --plugin ./my-task-type.ts

It runs a real Postgres, a message broker and all services on this machine, on free ports of 127.0.0.1. It keeps its data
in --data-dir. Other commands find it from the same folder and from folders below. From elsewhere:
  $ longshore task list --server path/to/.longshore/dev.json`;

export function addDevCommand(program: Command, context: CommandContext): void {
  program
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
      `package or file with a task type; may be given several times; default: ${DEFAULT_PLUGINS.join(', ')}`,
      collected,
    )
    .option('--data-dir <folder>', 'where the data is kept', DEV_FOLDER)
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
      const folder = makeDevFolder(resolve(context.cwd, flags.dataDir));
      const options = {
        folder,
        executors: flags.executors,
        replicas: flags.replicas,
        plugins: (flags.plugin ?? DEFAULT_PLUGINS).map((name) => pluginName(name, context.cwd)),
        importRoots,
        isVerbose: flags.verbose === true,
      };
      if (flags.json !== true) context.note('starting …');
      await runDev(options, context, (cluster) => {
        context.print(flags.json === true ? devJson(cluster, folder) : devText(cluster, folder, importRoots, context));
      });
    });
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
