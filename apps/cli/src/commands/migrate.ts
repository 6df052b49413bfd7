import { LongshoreError } from '@longshore/core';
import { migrateStore } from '@longshore/store';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

interface MigrateFlags {
  readonly databaseUrl?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ LONGSHORE_DATABASE_URL=postgres://longshore@db/longshore longshore migrate

Run it before you start services of a new version. You can safely run it again, and while services of the old version run.
Put a password into LONGSHORE_DATABASE_URL or a passfile: a process list shows flags.`;

export function addMigrateCommand(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description("bring the store's schema to this version")
    .option('--database-url <url>', 'the store, postgres://user@host:5432/database; default: $LONGSHORE_DATABASE_URL')
    .option('--json', 'print JSON for programs')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MigrateFlags) => {
      const url = flags.databaseUrl ?? context.env['LONGSHORE_DATABASE_URL'];
      if (url === undefined || !/^postgres(ql)?:\/\//.test(url)) {
        const message =
          'name the store with --database-url or LONGSHORE_DATABASE_URL: postgres://user@host:5432/database';
        throw new LongshoreError('ARGUMENT_INVALID', message);
      }
      const { applied, version } = await migrateStore(url);
      if (flags.json === true) context.print(JSON.stringify({ applied, version }));
      else if (applied.length === 0) context.print(`the store is already at ${version}`);
      else context.print([...applied.map((name) => `applied ${name}`), `the store is at ${version}`].join('\n'));
    });
}
