import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { nodeTable } from '../output/cluster-text.ts';

const EXAMPLES = `
Examples:
  $ longshore node list
  $ longshore node list --json | jq -r '.nodes[] | select(.state != "live") | .id'`;

export function addNodeListCommand(node: Command, context: CommandContext): void {
  withClusterFlags(
    node
      .command('list')
      .description('list the nodes: state, slots, load, task types; of those that are gone, the 200 that went last'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const nodes = await client.nodes();
        if (flags.json === true) context.print(JSON.stringify({ nodes }));
        else if (nodes.length > 0) context.print(nodeTable(nodes, Date.now()));
        else context.note('no nodes; start an executor');
      });
    });
}
