import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { typeText } from '../output/cluster-text.ts';

const EXAMPLES = `
Examples:
  $ longshore type show import
  $ longshore type show import --json | jq '.types[0].schema.properties | keys'`;

export function addTypeShowCommand(type: Command, context: CommandContext): void {
  withClusterFlags(
    type.command('show <type>').description('show what a task type does and what its meta must look like'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const types = await client.types(name);
        if (types.length === 0) {
          throw new LongshoreError('TYPE_UNKNOWN', `no executor ever registered the task type ${JSON.stringify(name)}`);
        }
        context.print(flags.json === true ? JSON.stringify({ types }) : types.map(typeText).join('\n\n'));
      });
    });
}
