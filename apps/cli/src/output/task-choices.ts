import { isRetryInVain, SubtaskKind, TaskState } from '@longshore/core';
import type { TaskDetail, TaskView } from '@longshore/client';
import { formatCountOf } from './format-values.ts';
import { plainText } from './plain-text.ts';

/** A command that a person may choose, without the program's name, and what it does. */
type Choice = readonly [command: string, effect: string];

/**
 * `task 12 is paused; resume it: longshore task resume 12`, with the reason if the task has one.
 *
 * @param program the name that the CLI was called by. So in each of the following.
 */
export function pausedText({ id, error }: TaskView, program: string): string {
  const why = error === null ? '' : ` after ${error.code}: ${plainText(error.message)}`;
  return `task ${id} is paused${why}; resume it: ${program} task resume ${id}`;
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

/** What a person may do about a task that waits for one, a line each, to be pasted as it stands. Empty for other tasks. */
export function choiceLines(detail: TaskDetail, program: string): readonly string[] {
  const choices = choicesOf(detail).map(([command, effect]) => [`${program} ${command}`, effect] as const);
  const width = Math.max(0, ...choices.map(([command]) => command.length));
  return choices.map(([command, effect]) => `  ${command.padEnd(width)}  # ${effect}`);
}

function choicesOf({ task, controls }: TaskDetail): readonly Choice[] {
  const { id, state, step, run = 1 } = task;
  const cancel: Choice = [`task cancel ${id}`, 'undoes its work; it ends as canceled'];
  if (state === TaskState.paused) return [[`task resume ${id}`, 'resumes it'], cancel];
  if (state !== TaskState.awaitingResolution) return [];
  const restart: Choice = [`task restart ${id}`, `undoes its work, then starts run ${run + 1} of its key`];
  if (hasFailed(controls, SubtaskKind.revert)) {
    return [
      [`task retry ${id}`, 'tries to undo it again'],
      [restart[0], `tries to undo it again, then starts run ${run + 1} of its key`],
      [`task resume ${id}`, 'lets it go on with its work, if nothing of it was undone yet'],
      [`task skip ${id}`, 'ends it as it is; what was not undone stays'],
    ];
  }
  const revert: Choice = [`task revert ${id}`, 'undoes its work; it ends as failed'];
  // What its type says can't succeed is not offered.
  const retry: readonly Choice[] = isRetryInVain(task.error)
    ? []
    : [[`task retry ${id}`, 'tries the failed work again; --set key=value changes the meta first']];
  if (hasFailed(controls, SubtaskKind.finish)) {
    return [...retry, [`task skip ${id}`, 'ends it as succeeded, without its finish hook'], restart, revert, cancel];
  }
  // Without a plan there is no further work.
  const isUnplanned = step === null || hasFailed(controls, SubtaskKind.plan);
  if (isUnplanned) return [...retry, restart, revert, cancel];
  return [...retry, [`task skip ${id}`, 'continues without the failed work'], restart, revert, cancel];
}

function hasFailed(controls: TaskDetail['controls'], kind: string): boolean {
  return controls.some((control) => control.kind === kind && control.error !== null);
}
