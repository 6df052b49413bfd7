import { isTerminalTaskState, TaskState } from '@longshore/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { taskSummary } from '../output/task-summary.ts';
import { exitCodeOfTask } from '../progress/follow-task.ts';
import { addControlCommand } from './control-command.ts';

const EXAMPLES = `  $ longshore task pause 12 --reason 'the disk is nearly full'
  $ longshore task pause orders-2026-01-01 --wait && df -h /data

No work of a paused task starts. Running work is handed back with its checkpoint. Work that must not be interrupted runs to
its end, so a pause may take a while; --wait ends once the task is paused. "longshore task resume" resumes it.`;

export function addTaskPauseCommand(task: Command, context: CommandContext): void {
  addControlCommand(task, context, {
    name: 'pause',
    description: 'pause a task',
    examples: EXAMPLES,
    waits: 'wait until none of its work runs',
    prepare:
      ({ reason }) =>
      (handle) =>
        handle.pause({ reason }),
    text: ({ id }, { changed }) => (changed ? `task ${id} is being paused` : `task ${id} was already paused`),
    waitFor: async (handle, asJson) => {
      const detail = await handle.wait({
        signal: context.signal,
        until: ({ task: { state } }) => state !== TaskState.pausing,
      });
      context.print(asJson ? JSON.stringify(detail) : taskSummary(detail, context.program));
      // It may have ended instead: somebody canceled it.
      if (isTerminalTaskState(detail.task.state)) context.setExitCode(exitCodeOfTask(detail));
    },
  });
}
