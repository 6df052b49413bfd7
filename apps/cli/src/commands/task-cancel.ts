import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { EXIT } from '../exit-codes.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';
import { waitForTask } from './wait-for-task.ts';

interface CancelFlags extends CommonFlags {
  readonly reason?: string;
  readonly wait?: boolean;
}

const EXAMPLES = `
Examples:
  $ longshore task cancel 12 --reason 'wrong file'
  $ longshore task cancel orders-2026-01-01 --wait

A canceled task stops what runs and undoes what it had done. With --wait the exit code is 0 once it was canceled.`;

export function addTaskCancelCommand(task: Command, context: CommandContext): void {
  const command = task
    .command('cancel')
    .description('cancel a task and undo its work')
    .argument('<task>', TASK_ARGUMENT)
    .option('--reason <text>', 'why, for its events')
    .option('-w, --wait', 'wait until its work is undone');
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: CancelFlags) => {
      await withClient(flags, context, async (client) => {
        const handle = await findTask(client, name);
        const reply = await handle.cancel({ reason: flags.reason });
        if (flags.wait !== true) {
          const text = reply.changed
            ? `task ${handle.id} is being canceled`
            : `task ${handle.id} was being canceled already`;
          context.print(flags.json === true ? JSON.stringify(reply) : `${text}; state ${reply.task.state}`);
          return;
        }
        await waitForTask(handle, flags.json === true, {
          ...context,
          // Being canceled is what was asked for here.
          setExitCode: (code) => context.setExitCode(code === EXIT.canceled ? EXIT.ok : code),
        });
      });
    });
}
