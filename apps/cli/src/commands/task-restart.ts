import { isTerminalTaskState } from '@longshore/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addControlCommand } from './control-command.ts';
import { findNextRun, numberOfNext } from './find-next-run.ts';
import { waitForTask } from './wait-for-task.ts';

const EXAMPLES = `  $ longshore task restart 12 --reason 'the file was mended'
  $ longshore task restart orders-2026-01-01 --wait

Undoes a task that has not ended, and starts the next run of its key once that is done: of the same type, with the meta that
it was submitted with and with its options. If it can't be undone, nothing starts, and it awaits resolution. The cluster
does this by itself; nobody has to wait for it. With --wait the exit code is that of the new run.`;

export function addTaskRestartCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'restart',
    description: 'undo a task, then start the next run of its key',
    examples: EXAMPLES,
    waits: 'show progress until the new run has ended',
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.restart({ reason }),
    text: (handle, { changed, task: { state } }) => {
      const next = `run ${numberOfNext(handle.task)} of its key`;
      if (isTerminalTaskState(state)) return `task ${handle.id} was undone, and ${next} has started`;
      return `task ${handle.id} ${changed ? 'is' : 'was already'} being undone; ${next} starts with its end`;
    },
    // It could not be undone, or somebody didn't want its restart any more: then it is the task itself that is told of.
    waitFor: (handle, asJson, client) =>
      waitForTask(handle, asJson, context, {}, ({ task }) => findNextRun(client, task)),
  });
}
