import { LongshoreError } from '@longshore/core';
import { prepareTarget } from '@longshore/effects';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

interface TargetPrepareFlags {
  readonly url?: string;
  readonly grantTo?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ LONGSHORE_TARGET_URL=postgres://admin@warehouse/sales longshore target prepare --grant-to loader

Tasks keep a small schema (longshore_effects) in each database that they change. It makes their effects happen once.
The first task creates it. If the executors' role may not create it, run this command as a role that may, and grant to the
executors' role. You can safely run it again. Put a password into LONGSHORE_TARGET_URL or a passfile: a process list shows
flags.`;

export function addTargetPrepareCommand(target: Command, context: CommandContext): void {
  target
    .command('prepare')
    .description("create Longshore's schema in a target database ahead of its first task")
    .option('--url <url>', 'the target, postgres://user@host:5432/database; default: $LONGSHORE_TARGET_URL')
    .option('--grant-to <role>', 'role of the executors; it gets the rights that effects need')
    .option('--json', 'print JSON for programs')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: TargetPrepareFlags) => {
      const url = flags.url ?? context.env['LONGSHORE_TARGET_URL'];
      if (url === undefined || !/^postgres(ql)?:\/\//.test(url)) {
        const message = 'name the target with --url or LONGSHORE_TARGET_URL: postgres://user@host:5432/database';
        throw new LongshoreError('ARGUMENT_INVALID', message);
      }
      await prepareTarget({ url, grantTo: flags.grantTo });
      if (flags.json === true) context.print(JSON.stringify({ prepared: true, grantedTo: flags.grantTo ?? null }));
      else context.print(`the target is prepared${flags.grantTo === undefined ? '' : ` for ${flags.grantTo}`}`);
    });
}
