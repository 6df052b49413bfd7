import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { typeTable } from '../output/cluster-text.ts';

const EXAMPLES = `
Examples:
  $ longshore type list
  $ longshore type list --json | jq -r '.types[].type'`;

export function addTypeListCommand(type: Command, context: CommandContext): void {
  withClusterFlags(type.command('list').description('list the task types that executors registered'))
    .addHelpText('after', EXAMPLES)
    .action(async (flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const types = await client.types();
        if (flags.json === true) context.print(JSON.stringify({ types }));
        else if (types.length > 0) context.print(typeTable(types));
        else context.note('no task types; start an executor that loads a plugin');
      });
    });
}
