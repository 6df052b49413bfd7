import type { TaskView } from '@longshore/client';
import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { runTable } from '../output/task-text.ts';

const EXAMPLES = `
Examples:
  $ longshore task runs orders-2026-01-01
  $ longshore task runs orders-2026-01-01 --json | jq '.runs[0].outcome'

The task of a key, in other commands, is its newest run; an earlier one is named by its id. "longshore submit --again"
starts the next run of a key.`;

export function addTaskRunsCommand(task: Command, context: CommandContext): void {
  withClusterFlags(
    task.command('runs').description('list the runs of a key, newest first').argument('<key>', 'the key'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (key: string, flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const runs: TaskView[] = [];
        for await (const run of client.runs(key)) runs.push(run);
        if (runs.length === 0) {
          throw new LongshoreError('TASK_NOT_FOUND', `no task has the key ${JSON.stringify(key)}`);
        }
        context.print(flags.json === true ? JSON.stringify({ runs }) : runTable(runs, Date.now()));
      });
    });
}
