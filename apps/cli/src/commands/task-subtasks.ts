import type { SubtaskView } from '@longshore/client';
import { SubtaskState } from '@longshore/core';
import { Option, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { subtaskTable } from '../output/task-text.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';
import { wholeNumber } from './options.ts';

interface SubtasksFlags extends CommonFlags {
  readonly state?: readonly string[];
  readonly step?: string;
  readonly limit: number;
}

const EXAMPLES = `
Examples:
  $ longshore task subtasks 12
  $ longshore task subtasks 12 --state failed paused --step load
  $ longshore task subtasks 12 --limit 100000 --json | jq '[.subtasks[] | select(.attempt > 1)] | length'

A running subtask is one that a node has claimed. Nodes claim more than they can start at once; "longshore task show" counts
what has not started as waiting.`;

export function addTaskSubtasksCommand(task: Command, context: CommandContext): void {
  const command = task
    .command('subtasks')
    .description("list a task's subtasks, including the hooks of its type")
    .argument('<task>', TASK_ARGUMENT)
    .addOption(new Option('--state <state...>', 'only in these states').choices(Object.values(SubtaskState)))
    .option('--step <step>', 'only of this step')
    .option('-n, --limit <n>', 'how many at most', wholeNumber(1, 10_000_000), 500);
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, { limit, state: states, step, ...flags }: SubtasksFlags) => {
      await withClient(flags, context, async (client) => {
        const handle = await findTask(client, name);
        const subtasks: SubtaskView[] = [];
        let hasMore = false;
        for await (const subtask of handle.subtasks({ states, step })) {
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
