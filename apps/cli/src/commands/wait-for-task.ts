import type { TaskDetail, TaskHandle } from '@longshore/client';
import type { CommandContext } from '../command-context.ts';
import { Interrupted } from '../interrupt.ts';
import { readSkippedHooks } from '../output/skipped-hooks.ts';
import { taskSummary } from '../output/task-summary.ts';
import { exitCodeOfTask, followTask } from '../progress/follow-task.ts';
import { showProgress } from '../progress/show-progress.ts';

/**
 * Shows a task's progress until it is settled, then how it ended. The exit code says the same.
 *
 * @param more fields that the JSON begins with. Default: none.
 * @param nextOf the task that goes on in its place once it has ended: then that one is waited for. Default: none does.
 */
export async function waitForTask(
  task: TaskHandle,
  asJson: boolean,
  context: CommandContext,
  more: Readonly<Record<string, unknown>> = {},
  nextOf: (ended: TaskDetail) => Promise<TaskHandle | null> = () => Promise.resolve(null),
): Promise<void> {
  const display = asJson ? null : showProgress(process.stderr);
  let next: TaskHandle | null;
  try {
    const detail = await followTask(task, {
      signal: context.signal,
      program: context.program,
      onSnapshot: (snapshot) => display?.update(snapshot),
      onRemark: (text) => (display === null ? context.note(text) : display.remark(text)),
    });
    display?.close();
    next = await nextOf(detail);
    if (next === null) {
      context.print(
        asJson
          ? JSON.stringify({ ...more, ...detail })
          : taskSummary(detail, context.program, await readSkippedHooks(task, detail)),
      );
      context.setExitCode(exitCodeOfTask(detail));
      return;
    }
  } catch (thrown) {
    display?.close();
    if (Interrupted.is(thrown)) noteGoesOn(task, context);
    throw thrown;
  }
  if (!asJson) context.note(`task ${task.id} was undone; run ${next.task.run ?? '-'} of its key is task ${next.id}`);
  await waitForTask(next, asJson, context, more);
}

/** A Ctrl-C ends the waiting, never the task. */
export function noteGoesOn(task: TaskHandle, context: CommandContext): void {
  context.note(`\ntask ${task.id} continues.`);
  context.note(`watch it:  ${context.program} task watch ${task.id}`);
  context.note(`cancel it: ${context.program} task cancel ${task.id}`);
}
