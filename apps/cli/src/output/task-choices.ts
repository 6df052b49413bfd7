import { TaskState, type TaskDetail, type TaskView } from '@longshore/client';
import { SubtaskKind } from '@longshore/core';
import { formatCountOf } from './format-values.ts';
import { plainText } from './plain-text.ts';

/** A command that a person may choose, without the program's name, and what it does. */
type Choice = readonly [command: string, effect: string];

/** `task 12 is paused; "task resume 12" resumes it`, with the reason if the task has one. */
export function pausedText({ id, error }: TaskView): string {
  const why = error === null ? '' : ` after ${error.code}: ${plainText(error.message)}`;
  return `task ${id} is paused${why}; "task resume ${id}" resumes it`;
}

/** Why a task awaits resolution: `2 subtasks of step load failed`. */
export function failureText({ task, steps, controls }: TaskDetail): string {
  if (hasFailed(controls, SubtaskKind.revert)) return 'its work could not be undone';
  if (hasFailed(controls, SubtaskKind.finish)) return 'its finish hook failed';
  if (task.error?.code === 'DEADLINE_EXCEEDED') return 'its deadline has passed';
  if (hasFailed(controls, SubtaskKind.plan)) return 'its next step could not be planned';
  const failed = steps.find(({ subtasks }) => subtasks.failed > 0);
  return failed === undefined
    ? 'it failed'
    : `${formatCountOf(failed.subtasks.failed, 'subtask')} of step ${failed.step} failed`;
}

/** What a person may do about a task that waits for one, a line each. Empty for other tasks. */
export function choiceLines(detail: TaskDetail): readonly string[] {
  const choices = choicesOf(detail);
  const width = Math.max(0, ...choices.map(([command]) => command.length));
  return choices.map(([command, effect]) => `  ${command.padEnd(width)}  ${effect}`);
}

function choicesOf({ task: { id, state, step }, controls }: TaskDetail): readonly Choice[] {
  const cancel: Choice = [`task cancel ${id}`, 'undoes its work; it ends as canceled'];
  if (state === TaskState.paused) return [[`task resume ${id}`, 'resumes it'], cancel];
  if (state !== TaskState.awaitingResolution) return [];
  if (hasFailed(controls, SubtaskKind.revert)) {
    return [
      [`task retry ${id}`, 'tries to undo it again'],
      [`task resume ${id}`, 'lets it go on with its work, if nothing of it was undone yet'],
      [`task skip ${id}`, 'ends it as it is; what was not undone stays'],
    ];
  }
  const retry: Choice = [`task retry ${id}`, 'tries the failed work again; --set key=value changes the meta first'];
  const revert: Choice = [`task revert ${id}`, 'undoes its work; it ends as failed'];
  if (hasFailed(controls, SubtaskKind.finish)) {
    return [retry, [`task skip ${id}`, 'ends it as succeeded, without its finish hook'], revert, cancel];
  }
  // Without a plan there is no further work.
  const isUnplanned = step === null || hasFailed(controls, SubtaskKind.plan);
  if (isUnplanned) return [retry, revert, cancel];
  return [retry, [`task skip ${id}`, 'continues without the failed work'], revert, cancel];
}

function hasFailed(controls: TaskDetail['controls'], kind: string): boolean {
  return controls.some((control) => control.kind === kind && control.error !== null);
}
