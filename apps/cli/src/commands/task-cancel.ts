import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { addControlCommand, type ControlFlags } from './control-command.ts';
import { waitForTask } from './wait-for-task.ts';

interface CancelFlags extends ControlFlags {
  readonly force?: boolean;
}

const EXAMPLES = `  $ longshore task cancel 12 --reason 'wrong file'
  $ longshore task cancel orders-2026-01-01 --wait
  $ longshore task cancel 12 --force

A cancel stops the task's running work and undoes its effects. With --wait the exit code is 0 once the task was canceled.
--force is for a task whose type is gone or broken. It leaves out hooks that can't run, and those that make no progress for 30 s:
the effects that they would have undone stay, and the task's events name the hooks. For the clean-up of a task that has ended
there is "longshore task end-clean-up".`;

export function addTaskCancelCommand(task: Command, context: CommandContext): void {
  addControlCommand<CancelFlags>(task, context, {
    name: 'cancel',
    description: 'cancel a task and undo its work',
    examples: EXAMPLES,
    waits: 'wait until its work is undone',
    withFlags: (command) => command.option('--force', "leave out hooks of its type that can't run or that hang"),
    prepare:
      ({ reason, force }) =>
      (handle) =>
        handle.cancel({ reason, force }),
    text: ({ id }, { changed }) => (changed ? `task ${id} is being canceled` : `task ${id} was already being canceled`),
    waitFor: (handle, asJson) =>
      waitForTask(handle, asJson, {
        ...context,
        // Being canceled is what was asked for here.
        setExitCode: (code) => context.setExitCode(code === EXIT.canceled ? EXIT.ok : code),
      }),
  });
}
