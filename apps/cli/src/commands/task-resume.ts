import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addControlCommand } from './control-command.ts';
import { waitForTask } from './wait-for-task.ts';

const EXAMPLES = `  $ longshore task resume 12
  $ longshore task resume orders-2026-01-01 --wait

Each subtask continues from its checkpoint, on its node or on another one. Paused time doesn't count against a deadline.
A task whose revert failed before it could undo anything goes on too.`;

export function addTaskResumeCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'resume',
    description: 'resume a paused task',
    examples: EXAMPLES,
    waits: 'show progress until it has ended',
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.resume({ reason }),
    text: ({ id }, { changed }) => (changed ? `task ${id} continues` : `task ${id} was not paused`),
    waitFor: (handle, asJson) => waitForTask(handle, asJson, context),
  });
}
