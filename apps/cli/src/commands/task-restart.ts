import { isTerminalTaskState, type LongshoreClient, type TaskView } from '@longshore/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { followTask } from '../progress/follow-task.ts';
import { addControlCommand } from './control-command.ts';
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
    waitFor: async (handle, asJson, client) => {
      const before = await followTask(handle, {
        signal: context.signal,
        onSnapshot: () => undefined,
        onRemark: (text) => context.note(text),
        program: context.program,
      });
      const next = await findNextRun(client, before.task);
      // It could not be undone, or somebody didn't want its restart any more.
      if (next === undefined) return waitForTask(handle, asJson, context);
      if (!asJson) context.note(`task ${handle.id} was undone; run ${numberOfNext(before.task)} is task ${next.id}`);
      return waitForTask(await client.task({ id: next.id }), asJson, context);
    },
  });
}

function numberOfNext({ run = 1 }: TaskView): number {
  return run + 1;
}

async function findNextRun(client: LongshoreClient, task: TaskView): Promise<TaskView | undefined> {
  for await (const run of client.runs(task.key)) {
    if (run.run === numberOfNext(task)) return run;
    if (run.id === task.id) return undefined;
  }
  return undefined;
}
