import {
  isTerminalTaskState,
  STOP_EFFECTS,
  STOP_REASONS,
  SUBTASK_TRANSITIONS,
  SubtaskState,
  TASK_TRANSITIONS,
  TaskState,
  type StopReason,
  type SubtaskTransition,
  type TaskTransition,
} from '@longshore/core';
import { table } from './markdown-table.ts';

/** The page of both state machines: a diagram and a table each. */
export function statesPage(): string {
  return [
    '# States',
    'A task and its subtasks change their states by the transitions below and by no others: the store refuses what is not here.',
    '## Task',
    diagram(
      TASK_TRANSITIONS.map((row) => ({ ...row, label: row.guard === undefined ? row.on : `${row.on} (${row.guard})` })),
      TaskState.pending,
      Object.values(TaskState).filter(isTerminalTaskState),
    ),
    '`succeed`, `failed` and `reverted` are terminal; how a task ended is its `outcome`: `succeeded`, `failed` or `canceled`. A state ' +
      'that a service does not know, because a newer one wrote it, counts as in flight and is left alone.',
    table(['from', 'on', 'to', 'by', 'when'], TASK_TRANSITIONS.map(taskRow)),
    '## Subtask',
    diagram(
      SUBTASK_TRANSITIONS.map((row) => ({ ...row, label: row.on })),
      SubtaskState.pending,
      [SubtaskState.succeed, SubtaskState.canceled, SubtaskState.skipped],
    ),
    'The `holder` is the node that has claimed the subtask, told by its name and the attempt; the `framework` speaks for a row that ' +
      'no live node holds. Hooks of a task type (prepare, plan, finish, revert, clean) are subtasks too, and follow the same machine.',
    table(['from', 'on', 'to', 'by'], SUBTASK_TRANSITIONS.map(subtaskRow)),
    '## Why a running subtask is stopped',
    'Its `AbortSignal` aborts with one of these reasons (`stopReason(signal)`), and this becomes of it: `paused` and `pending` keep its ' +
      'checkpoint and use up no retry; `failure` is for the retry policy, `failed` is for good; `left` means that its holder writes ' +
      'nothing more, as the row is freed with its node.',
    table(['reason', 'when', 'it may run again', 'it is not idempotent'], STOP_REASONS.map(stopRow)),
  ].join('\n\n');
}

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** A Mermaid state diagram; arrows between the same two states share one line. */
function diagram(rows: readonly Arrow[], start: string, ends: readonly string[]): string {
  const states = [...new Set(rows.flatMap((row) => [row.from, row.to]))];
  const arrows = [...Map.groupBy(rows, (row) => `${idOf(row.from)} --> ${idOf(row.to)}`)].map(
    ([arrow, same]) => `${arrow}: ${[...new Set(same.map((row) => row.label))].join(', ')}`,
  );
  const lines = [
    'stateDiagram-v2',
    ...states.filter((state) => idOf(state) !== state).map((state) => `state "${state}" as ${idOf(state)}`),
    `[*] --> ${idOf(start)}`,
    ...arrows,
    ...ends.map((state) => `${idOf(state)} --> [*]`),
  ];
  return ['```mermaid', ...lines.map((line, index) => (index === 0 ? line : `  ${line}`)), '```'].join('\n');
}

/** Mermaid reads a hyphen in a name as the start of an arrow. */
function idOf(state: string): string {
  return state.replaceAll('-', '_');
}

function taskRow(row: TaskTransition): readonly string[] {
  return [`\`${row.from}\``, row.on, `\`${row.to}\``, row.by, row.guard ?? ''];
}

function subtaskRow(row: SubtaskTransition): readonly string[] {
  return [`\`${row.from}\``, row.on, `\`${row.to}\``, row.by];
}

function stopRow(reason: StopReason): readonly string[] {
  const { when, idempotent, nonIdempotent } = STOP_EFFECTS[reason];
  return [`\`${reason}\``, when, effectText(idempotent), effectText(nonIdempotent)];
}

/** States and the like as code, what is said in words as it is. */
function effectText(effect: string): string {
  return effect.includes(' ') ? effect : `\`${effect}\``;
}
