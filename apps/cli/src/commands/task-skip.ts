import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addControlCommand } from './control-command.ts';
import { waitForTask } from './wait-for-task.ts';

const EXAMPLES = `  $ longshore task subtasks 12 --state failed
  $ longshore task skip 12 --reason 'these rows are not needed' --wait

A held task (--on-failure hold) goes on without what failed: those subtasks become "skipped" and count as done, so look
at them first.`;

export function addTaskSkipCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'skip',
    description: 'let a held task go on without its failed work',
    examples: EXAMPLES,
    waits: 'show progress until it has ended',
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.skip({ reason }),
    text: ({ id }) => `task ${id} goes on without what failed`,
    waitFor: (handle, asJson) => waitForTask(handle, asJson, context),
  });
}
