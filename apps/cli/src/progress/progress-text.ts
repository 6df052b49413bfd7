import {
  formatBytes,
  formatBytesPerSecond,
  formatCount,
  formatCountOf,
  formatDuration,
} from '../output/format-values.ts';
import { plainText } from '../output/plain-text.ts';
import type { Speed } from './measure-speed.ts';
import type { NodeView, ProgressView, StepView } from './read-progress.ts';

/** `8/16 subtasks  420,000 rows  28 MB of 66 MB  31.2 MB/s  ETA 1.3s`; what a step didn't report is left out. */
export function stepText(step: StepView): string {
  const { subtasks, rows, bytes, totalBytes, etaMs, speed, isCurrent } = step;
  // A step is shown once it is planned.
  if (subtasks.total === 0) return 'nothing to do';
  return join([
    `${formatCount(subtasks.succeeded)}/${formatCount(subtasks.total)} subtasks`,
    countText(subtasks.skipped, 'skipped'),
    countText(subtasks.failed, 'failed'),
    countText(subtasks.canceled, 'stopped'),
    rows > 0 ? `${formatCount(rows)} rows` : '',
    amountText(bytes, totalBytes),
    isCurrent ? speedText(speed) : '',
    etaMs === null || etaMs === 0 ? '' : `ETA ${formatDuration(etaMs)}`,
  ]);
}

/** `executor-1  2 running  3 waiting  7 done  140,000 rows  12.2 MB/s` */
export function nodeText(node: NodeView): string {
  return join([
    plainText(node.node),
    node.state === 'live' ? '' : node.state,
    `${formatCount(node.running)} running`,
    `${formatCount(node.pending)} waiting`,
    `${formatCount(node.succeeded)} done`,
    countText(node.skipped, 'skipped'),
    node.rows > 0 ? `${formatCount(node.rows)} rows` : '',
    node.state === 'live' ? speedText(node.speed) : '',
  ]);
}

/** `task 12 import: running, step load`, and why it waits when it does. */
export function taskText({ task, rerun, waiting: subtasks }: ProgressView): string {
  const step = task.step === null ? '' : `, step ${task.step}`;
  const reruns = rerun > 0 ? `, ${formatCountOf(rerun, 'subtask')} re-run` : '';
  const waiting = task.waiting === null ? '' : `, waits: ${plainText(task.waiting.message)}`;
  const waits = subtasks.map(
    (one) =>
      `, ${formatCountOf(one.subtasks, 'subtask')} wait${one.subtasks === 1 ? 's' : ''}: ${plainText(one.message)}`,
  );
  return `task ${task.id} ${task.type}: ${task.state}${step}${reruns}${waiting}${waits.slice(0, 1).join('')}`;
}

/** The whole of it in one line, for logs and pipes. */
export function progressLine(view: ProgressView): string {
  const step = view.steps.find(({ isCurrent }) => isCurrent);
  const percent = step?.fraction === null || step === undefined ? '' : `${Math.floor(step.fraction * 100)}%`;
  return join([taskText(view), percent, step === undefined ? '' : stepText(step)]);
}

/** Empty for none. */
function countText(count: number | undefined, what: string): string {
  return count === undefined || count === 0 ? '' : `${formatCount(count)} ${what}`;
}

function amountText(bytes: number, totalBytes: number | null): string {
  if (bytes === 0 && totalBytes === null) return '';
  return totalBytes === null || bytes >= totalBytes
    ? formatBytes(bytes)
    : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
}

function speedText(speed: Speed | null): string {
  if (speed === null) return '';
  if (speed.bytesPerSecond > 0) return formatBytesPerSecond(speed.bytesPerSecond);
  return speed.rowsPerSecond > 0 ? `${formatCount(speed.rowsPerSecond)} rows/s` : '';
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ');
}
