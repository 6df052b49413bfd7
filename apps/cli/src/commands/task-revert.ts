import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { addControlCommand } from './control-command.ts';
import { waitForTask } from './wait-for-task.ts';

const EXAMPLES = `  $ longshore task revert 12 --wait

For a task that awaits resolution (--on-failure hold). It is undone and ends as failed. To undo any other task, use "longshore
task cancel". With --wait the exit code is 0 once it is undone.`;

export function addTaskRevertCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'revert',
    description: 'resolve a failed task: undo it',
    examples: EXAMPLES,
    waits: 'wait until its work is undone',
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.revert({ reason }),
    text: ({ id }, { changed }) => (changed ? `task ${id} is being undone` : `task ${id} was already being undone`),
    waitFor: (handle, asJson) =>
      waitForTask(handle, asJson, {
        ...context,
        // Being undone is what was asked for here.
        setExitCode: (code) => context.setExitCode(code === EXIT.taskFailed ? EXIT.ok : code),
      }),
  });
}
