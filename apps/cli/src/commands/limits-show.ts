import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { limitsText } from '../output/cluster-text.ts';

const EXAMPLES = `
Examples:
  $ longshore limits show
  $ longshore limits show --json | jq .limits.maxScheduledTasks`;

export function addLimitsShowCommand(limits: Command, context: CommandContext): void {
  withClusterFlags(limits.command('show').description("show the cluster's limits"))
    .addHelpText('after', EXAMPLES)
    .action(async (flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const found = await client.limits();
        context.print(flags.json === true ? JSON.stringify({ limits: found }) : limitsText(found));
      });
    });
}
