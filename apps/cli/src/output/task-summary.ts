import { isTerminalTaskState, TaskOutcome, TaskState, type TaskDetail, type TaskView } from '@longshore/client';
import { SubtaskKind } from '@longshore/core';
import { formatBytes, formatBytesPerSecond, formatCountOf, formatDuration } from './format-values.ts';
import { plainText } from './plain-text.ts';
import { choiceLines, heldFor, pausedText } from './task-choices.ts';

/**
 * What a settled task came to, in a line or two; of one that waits for a person, what it waits for and what may be done.
 *
 * @param skippedHooks what was left out while it was undone; see `readSkippedHooks`.
 */
export function taskSummary(detail: TaskDetail, skippedHooks: readonly string[] = []): string {
  const { task } = detail;
  const name = `task ${task.id} ${task.type}`;
  if (task.outcome === TaskOutcome.succeeded) return `${name} succeeded${durationText(detail)}${amountText(detail)}`;
  const reason = task.error === null ? [] : [`error ${task.error.code}: ${plainText(task.error.message)}`];
  if (task.state === TaskState.paused) return pausedText(task);
  if (task.state === TaskState.awaitingResolution) {
    return [
      `${name} is held and waits for a decision: ${heldFor(detail)}`,
      ...failedRevert(detail),
      ...reason,
      ...choiceLines(detail),
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
  return step === null ? '; nothing had been done' : '; its work was undone';
}

/** The error of a revert; the task's own is what it was undone for. */
function failedRevert({ controls }: TaskDetail): readonly string[] {
  return controls.flatMap(({ kind, error }) =>
    kind === SubtaskKind.revert && error !== null
      ? [`undo failed with ${error.code}: ${plainText(error.message)}`]
      : [],
  );
}

function durationText({ task }: TaskDetail): string {
  if (task.endedAt === null) return '';
  return ` after ${formatDuration(Date.parse(task.endedAt) - Date.parse(task.createdAt))}`;
}

/** Below this a speed says nothing but how long the rest took. */
const LEAST_BYTES_FOR_SPEED = 1_000_000;

/** The rows and bytes of the step that moved the most rows; the speed is over the whole task, which is honest, if low. */
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
