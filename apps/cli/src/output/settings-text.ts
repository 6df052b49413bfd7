import type { TaskView } from '@longshore/client';
import { formatCount, formatDuration } from './format-values.ts';

/** A name and its value, as `task show` prints them. */
export type Field = readonly [name: string, value: string];

/** Settings of a task besides its slots and nodes. Settings without a value are left out. */
export function settingFields(task: TaskView): readonly Field[] {
  return [
    ...field('slot cap', task.runtimeSlots, ({ max, steps }) =>
      steps === undefined ? `${max} on each node` : `${max} on each node, in ${steps.join(', ')}`,
    ),
    ...field('selectors', task.selectors, (selectors) => selectors.map(selectorText).join(', ')),
    ...field('budget', task.throttle, budgetText),
    ...field('gates', task.gates, (gates) => JSON.stringify(gates)),
    ...field('timeout', task.subtaskTimeoutMs, (ms) => `${formatDuration(ms)} for each attempt of a subtask`),
    ...field('stall', task.stallTimeoutMs, (ms) => `${formatDuration(ms)} without progress`),
    ...field('deadline', task.deadlineAt, (at) => at),
    ...field('modifying', task.modifying, (changes) => JSON.stringify(changes)),
  ];
}

function field<T>(name: string, value: T | null | undefined, text: (value: T) => string): readonly Field[] {
  return value === null || value === undefined ? [] : [[name, text(value)]];
}

function selectorText(selector: NonNullable<TaskView['selectors']>[number]): string {
  switch (selector.op) {
    case '=':
    case '!=':
      return `${selector.label}${selector.op}${selector.value}`;
    case 'in':
      return `${selector.label} in (${selector.values.join(',')})`;
    case 'exists':
      return selector.label;
  }
}

function budgetText(limits: NonNullable<TaskView['throttle']>): string {
  return Object.entries(limits)
    .map(([unit, limit]) => `${formatCount(limit ?? 0)} ${unit}/s`)
    .join(', ');
}
