import { TaskOutcome, type TaskView } from '@longshore/client';
import { TaskState } from '@longshore/core';
import { Option, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { taskTable } from '../output/task-text.ts';
import { wholeNumber } from './options.ts';

interface ListFlags extends CommonFlags {
  readonly state?: readonly string[];
  readonly type?: string;
  readonly outcome?: TaskOutcome;
  readonly keyPrefix?: string;
  readonly history?: boolean;
  readonly limit: number;
}

const EXAMPLES = `
Examples:
  $ longshore task list
  $ longshore task list --state running pending --type import
  $ longshore task list --key-prefix orders- --history
  $ longshore task list --outcome failed --limit 500 --json | jq -r '.tasks[].id'`;

export function addTaskListCommand(task: Command, context: CommandContext): void {
  const command = task
    .command('list')
    .description('list tasks, newest first')
    .addOption(new Option('--state <state...>', 'only in these states').choices(Object.values(TaskState)))
    .option('--type <type>', 'only of this type')
    .addOption(
      new Option('--outcome <outcome>', 'only ended ones with this outcome; implies --history').choices(
        Object.values(TaskOutcome),
      ),
    )
    .option('--key-prefix <text>', 'only those whose key begins with this')
    .option('--history', 'also those that have ended and left for history')
    .option('-n, --limit <n>', 'how many at most', wholeNumber(1, 100_000), 50);
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async ({ limit, ...flags }: ListFlags) => {
      const hasHistory = flags.history === true || flags.outcome !== undefined;
      const filters = {
        ...(flags.state === undefined ? {} : { states: [...flags.state] }),
        ...(flags.type === undefined ? {} : { type: flags.type }),
        ...(flags.outcome === undefined ? {} : { outcome: flags.outcome }),
        ...(flags.keyPrefix === undefined ? {} : { keyPrefix: flags.keyPrefix }),
        // What has ended leaves for history within moments.
        ...(hasHistory ? { history: true } : {}),
      };
      await withClient(flags, context, async (client) => {
        const tasks: TaskView[] = [];
        for await (const each of client.listAll({ ...filters, limit: Math.min(limit, 200) })) {
          if (tasks.push(each) === limit) break;
        }
        if (flags.json === true) context.print(JSON.stringify({ tasks }));
        else if (tasks.length > 0) context.print(taskTable(tasks, Date.now()));
        else context.note(hasHistory ? 'no tasks' : 'no tasks; --history shows those that have ended');
      });
    });
}
