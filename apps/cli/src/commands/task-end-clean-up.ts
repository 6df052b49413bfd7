import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addControlCommand } from './control-command.ts';

const EXAMPLES = `  $ longshore task end-clean-up 12 --reason 'its bucket is gone'

For a task that has ended and whose clean-up hook keeps it from leaving. A clean-up that makes no progress for 30 s, that fails
or that no node can run is left out; what it would have removed stays. The task keeps its outcome.`;

export function addTaskEndCleanUpCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'end-clean-up',
    description: 'let a task that has ended leave without a clean-up that hangs',
    examples: EXAMPLES,
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.endCleanUp({ reason }),
    text: ({ id }, { changed }) =>
      changed ? `task ${id} leaves without its clean-up if that hangs` : `task ${id} was already to leave without it`,
  });
}
