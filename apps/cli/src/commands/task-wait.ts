import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { exitCodeOfTask, followTask } from '../progress/follow-task.ts';
import { readSkippedHooks } from '../output/skipped-hooks.ts';
import { taskSummary } from '../output/task-summary.ts';
import { Interrupted } from '../interrupt.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';
import { noteGoesOn } from './wait-for-task.ts';

const EXAMPLES = `
Examples:
  $ longshore task wait 12 && echo loaded
  $ longshore task wait orders-2026-01-01 --json | jq .task.result

It prints nothing before the task has ended. "longshore task watch" shows progress. Ctrl-C leaves the task running.`;

export function addTaskWaitCommand(task: Command, context: CommandContext): void {
  withClusterFlags(task.command('wait').description('wait for a task to end').argument('<task>', TASK_ARGUMENT))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: CommonFlags) => {
      await withClient(flags, context, async (client) => {
        const handle = await findTask(client, name);
        try {
          const detail = await followTask(handle, {
            signal: context.signal,
            program: context.program,
            onSnapshot: () => undefined,
            onRemark: (text) => context.note(text),
          });
          context.print(
            flags.json === true
              ? JSON.stringify(detail)
              : taskSummary(detail, context.program, await readSkippedHooks(handle, detail)),
          );
          context.setExitCode(exitCodeOfTask(detail));
        } catch (thrown) {
          if (Interrupted.is(thrown)) noteGoesOn(handle, context);
          throw thrown;
        }
      });
    });
}
