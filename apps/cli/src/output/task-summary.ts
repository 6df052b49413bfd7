import { isTerminalTaskState, TaskOutcome, TaskState, type TaskDetail, type TaskView } from '@longshore/client';
import { SubtaskKind } from '@longshore/core';
import { formatBytes, formatBytesPerSecond, formatCountOf, formatDuration } from './format-values.ts';
import { plainText } from './plain-text.ts';
import { hasSkipped, skippedText } from './skipped-text.ts';
import { choiceLines, failureText, pausedText } from './task-choices.ts';

/**
 * How a settled task ended, in a line or two. For a task that waits for a person: what failed, and the possible commands.
 *
 * @param program the name that the CLI was called by.
 * @param skippedHooks hooks that were skipped while it was undone; see `readSkippedHooks`.
 */
export function taskSummary(detail: TaskDetail, program: string, skippedHooks: readonly string[] = []): string {
  const { task } = detail;
  const name = `task ${task.id} ${task.type}`;
  if (task.outcome === TaskOutcome.succeeded) {
    const skipped = hasSkipped(task) ? `, with ${skippedText(task)}` : '';
    return `${name} succeeded${durationText(detail)}${skipped}${amountText(detail)}`;
  }
  const reason = task.error === null ? [] : [`error ${task.error.code}: ${plainText(task.error.message)}`];
  if (task.state === TaskState.paused) return pausedText(task, program);
  if (task.state === TaskState.awaitingResolution) {
    return [
      `${name} awaits resolution: ${failureText(detail)}`,
      ...failedRevert(detail),
      ...reason,
      ...choiceLines(detail, program),
    ].join('\n');
  }
  if (!isTerminalTaskState(task.state)) return `${name} is ${task.state}`;
  const how = task.outcome === TaskOutcome.canceled ? 'was canceled' : 'failed';
  const left = skippedHooks.map((text) => `not undone: ${plainText(text)}`);
  return [`${name} ${how}${durationText(detail)}${left.length > 0 ? '' : undoneText(task)}`, ...left, ...reason].join(
    '\n',
  );
}

function undoneText({ state, step }: TaskView): string {
  if (state !== TaskState.reverted) return '';
  return step === null ? '; nothing was done' : '; its work was undone';
}

/** The error of the revert. The task's own error says why it was undone. */
function failedRevert({ controls }: TaskDetail): readonly string[] {
  return controls.flatMap(({ kind, error }) =>
    kind === SubtaskKind.revert && error !== null
      ? [`the undo failed with ${error.code}: ${plainText(error.message)}`]
      : [],
  );
}

function durationText({ task }: TaskDetail): string {
  if (task.endedAt === null) return '';
  return ` after ${formatDuration(Date.parse(task.endedAt) - Date.parse(task.createdAt))}`;
}

/** Below this size a speed only shows how long the rest took. */
const LEAST_BYTES_FOR_SPEED = 1_000_000;

/** Rows and bytes of the step with the most rows. The speed is over the whole task: a low figure, but a true one. */
function amountText({ task, steps, rerun }: TaskDetail): string {
  const most = steps.toSorted((a, b) => b.rows - a.rows)[0];
  if (most === undefined || most.rows === 0 || task.endedAt === null) return '';
  const seconds = (Date.parse(task.endedAt) - Date.parse(task.createdAt)) / 1_000;
  const speed =
    most.bytes >= LEAST_BYTES_FOR_SPEED && seconds > 0
      ? `, ${formatBytesPerSecond(most.bytes / seconds)} from submit to end`
      : '';
  const size = most.bytes > 0 ? `, ${formatBytes(most.bytes)}` : '';
  const reruns = rerun > 0 ? `, ${formatCountOf(rerun, 'subtask')} re-run` : '';
  return `: ${formatCountOf(most.rows, 'row')}${size}${speed}${reruns}`;
}
