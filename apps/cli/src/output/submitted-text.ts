import { isTerminalTaskState, TaskOutcome, type TaskView } from '@longshore/client';
import { plainText } from './plain-text.ts';

/** What a submit came to, as the CLI tells it. */
export interface Submitted {
  readonly task: TaskView;
  /** Whether the submit made the task; false when the key and content were submitted before. */
  readonly created: boolean;
}

/** The fields of `--json`. */
export function submittedJson({ task, created }: Submitted): Readonly<Record<string, unknown>> {
  return { started: created, created, outcome: task.outcome, task };
}

/**
 * What is printed after a submit. A key stands for one run: where that has failed or was canceled, nothing starts, and the text says so
 * and how to run it anew.
 *
 * @param program - the name that the CLI was called by.
 */
export function submittedText({ task, created }: Submitted, program: string): string {
  if (created) return `task ${task.id} submitted\nwatch it: ${program} task watch ${task.id}`;
  const same = `task ${task.id} has this key and content already`;
  if (!isTerminalTaskState(task.state))
    return `${same}; nothing new started\nwatch it: ${program} task watch ${task.id}`;
  if (task.outcome === TaskOutcome.succeeded) {
    return `${same}, and has succeeded; nothing new started\nlook at it: ${program} task show ${task.id}`;
  }
  const how = task.outcome === TaskOutcome.canceled ? 'was canceled' : 'has failed';
  const why = task.error === null ? [] : [`its error was ${task.error.code}: ${plainText(task.error.message)}`];
  return [
    `${same}, and ${how}; nothing new started`,
    ...why,
    `run it anew: submit it with another --key, such as --key ${shown(nextKey(task.key))}`,
  ].join('\n');
}

/** `orders` becomes `orders-2`, and that `orders-3`. */
function nextKey(key: string): string {
  const [, base = key, number = '1'] = /^(.+)-(\d{1,6})$/.exec(key) ?? [];
  return `${base}-${Number(number) + 1}`;
}

/** As a shell takes it. */
function shown(key: string): string {
  return /^[\w./:-]+$/.test(key) ? key : `'${plainText(key).replaceAll("'", `'\\''`)}'`;
}
