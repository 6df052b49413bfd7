import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { exitCodeOfTask, followTask } from '../progress/follow-task.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';
import { waitForTask } from './wait-for-task.ts';

const EXAMPLES = `
Examples:
  $ longshore task watch 12
  $ longshore task watch 12 --json | jq -c '[.task.state, .steps[-1].rows]'

With --json each change is one line of JSON with a whole snapshot. Ctrl-C leaves the task running.`;

export function addTaskWatchCommand(task: Command, context: CommandContext): void {
  withClusterFlags(task.command('watch').description("show a task's progress").argument('<task>', TASK_ARGUMENT))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const handle = await findTask(client, name);
        if (flags.json !== true) return waitForTask(handle, false, context);
        const detail = await followTask(handle, {
          signal: context.signal,
          program: context.program,
          onSnapshot: (snapshot) => context.print(JSON.stringify(snapshot)),
          onRemark: (text) => context.note(text),
        });
        context.setExitCode(exitCodeOfTask(detail));
      });
    });
}
