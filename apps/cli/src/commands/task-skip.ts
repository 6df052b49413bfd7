import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addControlCommand } from './control-command.ts';
import { waitForTask } from './wait-for-task.ts';

const EXAMPLES = `  $ longshore task subtasks 12 --state failed
  $ longshore task skip 12 --reason 'these rows are not needed' --wait

For a task that awaits resolution (--on-failure hold). It continues without its failed work: the failed subtasks become
"skipped" and count as done, so look at them first.`;

export function addTaskSkipCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'skip',
    description: 'resolve a failed task: continue without its failed work',
    examples: EXAMPLES,
    waits: 'show progress until it has ended',
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.skip({ reason }),
    text: ({ id }) => `task ${id} continues without its failed work`,
    waitFor: (handle, asJson) => waitForTask(handle, asJson, context),
  });
}
