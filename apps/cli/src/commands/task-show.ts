import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { taskDetailText } from '../output/task-text.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';

const EXAMPLES = `
Examples:
  $ longshore task show 12
  $ longshore task show orders-2026-01-01
  $ longshore task show 12 --json | jq .task.state`;

export function addTaskShowCommand(task: Command, context: CommandContext): void {
  withClusterFlags(task.command('show').description('show everything about a task').argument('<task>', TASK_ARGUMENT))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const detail = await (await findTask(client, name)).get();
        context.print(flags.json === true ? JSON.stringify(detail) : taskDetailText(detail, context.program));
      });
    });
}
