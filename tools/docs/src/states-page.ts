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
    'A task and its subtasks change their states only by the transitions below. The store refuses all others.',
    '## Task',
    diagram(
      TASK_TRANSITIONS.map((row) => ({ ...row, label: row.guard === undefined ? row.on : `${row.on} (${row.guard})` })),
      TaskState.pending,
      Object.values(TaskState).filter(isTerminalTaskState),
    ),
    '`succeed`, `failed` and `reverted` are terminal. The `outcome` of a task says how it ended: `succeeded`, `failed` or `canceled`. If ' +
      'a newer service wrote a state that an older one does not know, the older one leaves the task alone and counts it as in flight.',
    table(['from', 'on', 'to', 'by', 'when'], TASK_TRANSITIONS.map(taskRow)),
    '## Subtask',
    diagram(
      SUBTASK_TRANSITIONS.map((row) => ({ ...row, label: row.on })),
      SubtaskState.pending,
      [SubtaskState.succeed, SubtaskState.canceled, SubtaskState.skipped],
    ),
    'The `holder` is the node and the attempt that claimed the subtask. The `framework` acts on rows without a live holder. ' +
      'Hooks of a task type (prepare, plan, finish, revert, clean) are subtasks too, and follow the same machine.',
    table(['from', 'on', 'to', 'by'], SUBTASK_TRANSITIONS.map(subtaskRow)),
    '## Why a running subtask is stopped',
    'The `AbortSignal` of a subtask aborts with one of these reasons (`stopReason(signal)`). The last two columns say what becomes of ' +
      'the subtask. `paused` and `pending` keep its checkpoint and use up no retry. `failure` is for the retry policy. `failed` is ' +
      'for good. `left` means that its holder writes nothing more, because the node-manager frees the row.',
    table(['reason', 'when', 'idempotent', 'not idempotent'], STOP_REASONS.map(stopRow)),
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
