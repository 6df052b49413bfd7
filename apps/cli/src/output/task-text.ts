import { TaskState, type EventView, type SubtaskView, type TaskDetail, type TaskView } from '@longshore/client';
import { formatAge, formatBytes, formatCount, formatCountOf, NONE } from './format-values.ts';
import { settingFields } from './settings-text.ts';
import { principalText } from './principal-text.ts';
import { fieldsText, tableText } from './table.ts';
import { skippedText } from './skipped-text.ts';
import { choiceLines, failureText } from './task-choices.ts';

/** Tasks as a table. */
export function taskTable(tasks: readonly TaskView[], nowMs: number): string {
  return tableText(
    ['id', 'type', 'state', 'step', 'nodes', 'created', 'key'],
    tasks.map((task) => [
      task.id,
      task.type,
      stateText(task),
      task.step ?? NONE,
      task.nodes.length,
      formatAge(task.createdAt, nowMs),
      task.key,
    ]),
  );
}

/** The runs of a key as a table. */
export function runTable(runs: readonly TaskView[], nowMs: number): string {
  return tableText(
    ['run', 'id', 'state', 'created', 'ended', 'error'],
    runs.map((task) => [
      task.run ?? NONE,
      task.id,
      stateText(task),
      formatAge(task.createdAt, nowMs),
      task.endedAt === null ? NONE : formatAge(task.endedAt, nowMs),
      task.error === null ? '' : `${task.error.code}: ${task.error.message}`,
    ]),
  );
}

/** Everything about one task. @param program the name that the CLI was called by. */
export function taskDetailText(detail: TaskDetail, program: string): string {
  const { task, meta, steps, nodes, controls, rerun, waiting = [], summaries = [] } = detail;
  const fields: (readonly [string, string | number])[] = [
    ['task', `${task.id} (key ${task.key}${task.run === undefined ? '' : `, run ${task.run}`})`],
    ...(detail.newestRun == null ? [] : [['newest run', `task ${detail.newestRun}`] as [string, string]]),
    ['type', `${task.type}@${task.typeVersion}`],
    ['state', stateText(task)],
    ...(task.waiting === null
      ? []
      : [['waits', `${task.waiting.message} (${task.waiting.code}, since ${task.waiting.since})`] as [string, string]]),
    ...(task.restarting === true
      ? [['restarts', `run ${(task.run ?? 1) + 1} of its key starts once it is undone`] as [string, string]]
      : []),
    ['step', task.step ?? NONE],
    ['priority', task.priority],
    ['slots', `${task.slots} on each node, ${task.slotsPerSubtask} for each subtask`],
    ['nodes', `${task.nodes.join(', ') || NONE}${task.maxNodes === null ? '' : ` (at most ${task.maxNodes})`}`],
    ['scope', task.scope || NONE],
    ...settingFields(task),
    ['on failure', task.onFailure],
    ['created', task.createdAt],
    ...(detail.submittedBy == null ? [] : [['submitted by', principalText(detail.submittedBy)] as [string, string]]),
    ['started', task.startedAt ?? NONE],
    ['ended', task.endedAt ?? NONE],
    ...(rerun === 0 ? [] : [['re-run', formatCountOf(rerun, 'subtask')] as [string, string]]),
    ...(task.error === null ? [] : [['error', `${task.error.code}: ${task.error.message}`] as [string, string]]),
    ...(task.result === null || task.result === undefined
      ? []
      : [['result', JSON.stringify(task.result)] as [string, string]]),
    ['meta', JSON.stringify(meta)],
  ];
  const sections = [fieldsText(fields)];
  if (steps.length > 0) {
    sections.push(
      tableText(
        ['step', 'subtasks', 'done', 'skipped', 'running', 'waiting', 'failed', 'stopped', 'rows', 'bytes', 'of bytes'],
        steps.map(({ step, subtasks, rows, bytes, totalBytes }) => [
          step,
          formatCount(subtasks.total),
          formatCount(subtasks.succeeded),
          formatCount(subtasks.skipped ?? 0),
          formatCount(subtasks.running),
          formatCount(subtasks.pending),
          formatCount(subtasks.failed),
          formatCount(subtasks.canceled ?? 0),
          formatCount(rows),
          formatBytes(bytes),
          totalBytes === null ? NONE : formatBytes(totalBytes),
        ]),
      ),
    );
  }
  if (summaries.length > 0) {
    sections.push(
      tableText(
        ['running in', 'subtasks', 'counted so far'],
        summaries.map(({ step, subtasks, counters }) => [step, formatCount(subtasks), countersText(counters)]),
      ),
    );
  }
  if (nodes.length > 0) {
    sections.push(
      tableText(
        ['node', 'state', 'running', 'waiting', 'done', 'skipped', 'rows', 'bytes'],
        nodes.map((node) => [
          node.node,
          node.state,
          formatCount(node.running),
          formatCount(node.pending),
          formatCount(node.succeeded),
          formatCount(node.skipped ?? 0),
          formatCount(node.rows),
          formatBytes(node.bytes),
        ]),
      ),
    );
  }
  if (waiting.length > 0) {
    sections.push(
      tableText(
        ['waits for', 'subtasks', 'since', 'reason'],
        waiting.map(({ code, subtasks, since, message }) => [code, formatCount(subtasks), since, message]),
      ),
    );
  }
  if (controls.length > 0) {
    sections.push(
      tableText(
        ['hook', 'state', 'node', 'attempt', 'error'],
        controls.map(({ kind, state, node, attempt, error }) => [
          kind,
          state,
          node,
          attempt,
          error === null ? NONE : `${error.code}: ${error.message}`,
        ]),
      ),
    );
  }
  const choices = choiceLines(detail, program);
  if (choices.length > 0) {
    const why =
      task.state === TaskState.awaitingResolution ? `it awaits resolution: ${failureText(detail)}` : 'it is paused';
    sections.push([why, ...choices].join('\n'));
  }
  return sections.join('\n\n');
}

/** Events as a table. */
export function eventTable(events: readonly EventView[]): string {
  return tableText(
    ['seq', 'at', 'actor', 'asked by', 'event', 'from', 'to', 'subtask', 'message'],
    events.map(({ seq, at, actor, principal, kind, from, to, subtaskId, message, events: count, lastAt }) => [
      seq,
      at,
      actor,
      principal == null ? NONE : principalText(principal),
      kind,
      from ?? NONE,
      to ?? NONE,
      subtaskId ?? NONE,
      lastAt === undefined ? (message ?? '') : `${message ?? ''} (${count ?? 1} times until ${lastAt})`,
    ]),
  );
}

/** Subtasks as a table. */
export function subtaskTable(subtasks: readonly SubtaskView[]): string {
  return tableText(
    [
      ...['id', 'kind', 'step', 'no', 'state', 'node', 'attempt', 'failures', 'crashes'],
      ...['rows', 'bytes', 'phase', 'counted', 'error'],
    ],
    subtasks.map((subtask) => [
      subtask.id,
      subtask.kind,
      subtask.step,
      subtask.ordinal,
      subtask.state,
      subtask.node,
      subtask.attempt,
      subtask.failures,
      crashesText(subtask),
      formatCount(subtask.rows),
      formatBytes(subtask.bytes),
      subtask.phase ?? '',
      countersText(subtask.summary ?? {}),
      subtask.error === null ? '' : `${subtask.error.code}: ${subtask.error.message}`,
    ]),
  );
}

/** How often processes crashed while it ran in them, and whether it runs in one of its own since. */
function crashesText({ crashes }: SubtaskView): string {
  if (crashes == null) return '';
  const { nodes, alone } = crashes;
  return alone.length === 0
    ? formatCount(nodes.length)
    : `${formatCount(nodes.length)}, alone ${formatCount(alone.length)}`;
}

function countersText(counters: Readonly<Record<string, number>>): string {
  return Object.entries(counters)
    .map(([name, count]) => `${name} ${name === 'bytes' ? formatBytes(count) : formatCount(count)}`)
    .join(', ');
}

function stateText(task: TaskView): string {
  const { state, outcome } = task;
  // `succeed` and `failed` say their outcome by themselves; `reverted` may be either.
  const more = [state === 'reverted' ? (outcome ?? '') : '', skippedText(task)].filter((part) => part !== '');
  return more.length === 0 ? state : `${state} (${more.join(', ')})`;
}
