import { isTerminalTaskState } from '@longshore/client';
import { mayBeginAnew } from '@longshore/core';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { findSchema } from '../meta/find-schema.ts';
import { setValues } from '../meta/set-value.ts';
import { addControlCommand, type ControlFlags } from './control-command.ts';
import { findNextRun } from './find-next-run.ts';
import { collected } from './options.ts';
import { waitForTask } from './wait-for-task.ts';

interface RetryFlags extends ControlFlags {
  readonly set?: readonly string[];
}

const EXAMPLES = `  $ longshore task retry 12 --wait
  $ longshore task retry 12 --set nullText=NULL --reason 'the file says NULL'

For a task that awaits resolution (--on-failure hold). Its failed work is tried again; what succeeded is kept. If nothing was
done and its input has changed since, the next run of its key starts instead. --set changes keys of the meta first, as "longshore task modify" does. See also "task skip", "task revert" and "task cancel".`;

export function addTaskRetryCommand(task: Command, context: CommandContext): void {
  addControlCommand<RetryFlags>(task, context, {
    name: 'retry',
    description: 'resolve a failed task: try its failed work again',
    examples: EXAMPLES,
    waits: 'show progress until it has ended',
    withFlags: (command) =>
      command.option('--set <key=value>', 'change one key of the meta first; may be given several times', collected),
    prepare: ({ set, reason }) => {
      if (set === undefined) return (handle) => handle.retry({ reason, signal: context.signal });
      setValues({}, set);
      return async (handle, client) => {
        const schema = await findSchema(client, handle.task.type, handle.task.typeVersion);
        return handle.retry({ meta: setValues({}, set, schema), reason, signal: context.signal });
      };
    },
    text: ({ id }) => `task ${id} tries its failed work again`,
    // A retry that finds nothing to go on with is carried out as a restart.
    waitFor: (handle, asJson, client) =>
      waitForTask(handle, asJson, context, {}, async ({ task }) =>
        mayBeginAnew(task.error) && isTerminalTaskState(task.state) ? findNextRun(client, task) : null,
      ),
  });
}
