import { isTerminalTaskState, TaskOutcome, type TaskView } from '@longshore/client';
import { plainText } from './plain-text.ts';

/** What a submit came to, as the CLI tells it. */
export interface Submitted {
  readonly task: TaskView;
  /** Whether the submit made the task; false when the key and content were submitted before. */
  readonly created: boolean;
}

/** The fields of `--json`. */
export function submittedJson(submitted: Submitted): Readonly<Record<string, unknown>> {
  const { task, created } = submitted;
  return { ...startedJson(submitted), created, outcome: task.outcome, task };
}

/** The fields of `--json` that say whether anything started, and if not, what would start it. */
export function startedJson({ task, created }: Submitted): Readonly<Record<string, unknown>> {
  const isRunAgain = !created && wasInVain(task);
  return { started: created, ...(isRunAgain ? { help: againText(task) } : {}) };
}

function wasInVain({ outcome }: TaskView): boolean {
  return outcome === TaskOutcome.failed || outcome === TaskOutcome.canceled;
}

function againText({ run = 1 }: TaskView): string {
  return `the same submit with --again starts run ${run + 1} of this key`;
}

/**
 * What is printed after a submit. A key that has a run starts nothing by itself: where that has failed or was canceled, the text says so, and
 * which flag starts the next one.
 *
 * @param program - the name that the CLI was called by.
 */
export function submittedText({ task, created }: Submitted, program: string): string {
  if (created) return `task ${task.id} submitted\nwatch it: ${program} task watch ${task.id}`;
  const number = task.run === undefined || task.run === 1 ? '' : ` (run ${task.run})`;
  const same = `task ${task.id}${number} has this key and content already`;
  if (!isTerminalTaskState(task.state))
    return `${same}; nothing new started\nwatch it: ${program} task watch ${task.id}`;
  if (task.outcome === TaskOutcome.succeeded) {
    return `${same}, and has succeeded; nothing new started\nlook at it: ${program} task show ${task.id}`;
  }
  const how = task.outcome === TaskOutcome.canceled ? 'was canceled' : 'has failed';
  const why = task.error === null ? [] : [`its error was ${task.error.code}: ${plainText(task.error.message)}`];
  return [`${same}, and ${how}; nothing new started`, ...why, `run it again: ${againText(task)}`].join('\n');
}
