import type { SubtaskView } from '@longshore/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { subtaskTable } from '../output/task-text.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';
import { wholeNumber } from './options.ts';

interface SubtasksFlags extends CommonFlags {
  readonly limit: number;
}

const EXAMPLES = `
Examples:
  $ longshore task subtasks 12
  $ longshore task subtasks 12 --limit 100000 --json | jq '[.subtasks[] | select(.attempt > 1)] | length'`;

export function addTaskSubtasksCommand(task: Command, context: CommandContext): void {
  const command = task
    .command('subtasks')
    .description("list a task's subtasks, hooks of its type included")
    .argument('<task>', TASK_ARGUMENT)
    .option('-n, --limit <n>', 'how many at most', wholeNumber(1, 10_000_000), 500);
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, { limit, ...flags }: SubtasksFlags) => {
      await withClient(flags, context, async (client) => {
        const handle = await findTask(client, name);
        const subtasks: SubtaskView[] = [];
        let hasMore = false;
        for await (const subtask of handle.subtasks()) {
          hasMore = subtasks.length === limit;
          if (hasMore) break;
          subtasks.push(subtask);
        }
        if (flags.json === true) context.print(JSON.stringify({ subtasks, hasMore }));
        else if (subtasks.length > 0) context.print(subtaskTable(subtasks));
        else context.note('no subtasks');
        if (hasMore && flags.json !== true) context.note(`more than ${limit}; --limit shows more`);
      });
    });
}
