import { TaskState, type NodeProgress, type StepProgress, type SubtaskWaiting, type TaskView } from '@longshore/client';
import { measureSpeed, type Speed } from './measure-speed.ts';
import type { Sample } from './samples.ts';

/** How far one step is, how fast it goes and when it will be done. */
export interface StepView extends StepProgress {
  /** Done share, 0 to 1: of bytes or rows where the plan said how many, else of subtasks; null before it is planned. */
  readonly fraction: number | null;
  readonly speed: Speed | null;
  /** Milliseconds to go at this speed; null when that can't be told. */
  readonly etaMs: number | null;
  /** Whether the task is at this step now. */
  readonly isCurrent: boolean;
}

/** What one node has done of the current step, and how fast. */
export interface NodeView extends NodeProgress {
  readonly speed: Speed | null;
}

/** Everything that a progress display shows. */
export interface ProgressView {
  readonly task: TaskView;
  readonly steps: readonly StepView[];
  readonly nodes: readonly NodeView[];
  /** Subtasks that were started more than once. */
  readonly rerun: number;
  /** What subtasks wait for, longest first. */
  readonly waiting: readonly SubtaskWaiting[];
}

/**
 * Progress as it is at `nowMs`, from the samples so far.
 *
 * @param samples in order of time, at least one; see `addSample`.
 * @param nowMs on the clock of the samples; later than the last one when nothing has changed since.
 * @throws {RangeError} without samples.
 */
export function readProgress(samples: readonly Sample[], nowMs: number): ProgressView {
  const last = samples.at(-1);
  if (last === undefined) throw new RangeError('no samples to read progress from');
  const { task, steps, nodes, rerun, waiting = [] } = last.detail;
  const going = goingSamples(samples);
  return {
    task,
    steps: steps.map((step) => {
      const speed = measureSpeed(going, nowMs, ({ detail }) => findStep(detail.steps, step.step));
      const isCurrent = step.step === task.step;
      return { ...step, isCurrent, speed, fraction: fractionOf(step), etaMs: isCurrent ? etaOf(step, speed) : null };
    }),
    // Nodes count for the current step only: samples of the step before would look like a fall to nothing.
    nodes: nodes.map((node) => ({
      ...node,
      speed: measureSpeed(going, nowMs, ({ detail }) =>
        detail.task.step === task.step ? (detail.nodes.find((each) => each.node === node.node) ?? null) : null,
      ),
    })),
    rerun,
    waiting,
  };
}

/** States in which work of a task may go on; after its success the last speed stands. */
const GOING: ReadonlySet<string> = new Set([TaskState.running, TaskState.modifying, TaskState.succeed]);

/** The samples since work goes on; none while it doesn't: a speed over a pause is nobody's. */
function goingSamples(samples: readonly Sample[]): readonly Sample[] {
  const lastRest = samples.findLastIndex(({ detail }) => !GOING.has(detail.task.state));
  return samples.slice(lastRest + 1);
}

function findStep(steps: readonly StepProgress[], name: string): StepProgress | null {
  return steps.find(({ step }) => step === name) ?? null;
}

function fractionOf({ subtasks, rows, bytes, totalRows, totalBytes }: StepProgress): number | null {
  const ended = subtasks.succeeded + (subtasks.skipped ?? 0);
  if (subtasks.total > 0 && ended === subtasks.total) return 1;
  const [done, total] =
    totalBytes !== null && totalBytes > 0
      ? [bytes, totalBytes]
      : totalRows !== null && totalRows > 0
        ? [rows, totalRows]
        : [ended, subtasks.total];
  return total === 0 ? null : Math.min(1, done / total);
}

function etaOf(step: StepProgress, speed: Speed | null): number | null {
  if (speed === null) return null;
  const { rows, bytes, totalRows, totalBytes } = step;
  if (totalBytes !== null) return timeFor(totalBytes - bytes, speed.bytesPerSecond);
  return totalRows === null ? null : timeFor(totalRows - rows, speed.rowsPerSecond);
}

function timeFor(rest: number, perSecond: number): number | null {
  if (rest <= 0) return 0;
  return perSecond > 0 ? (rest / perSecond) * 1_000 : null;
}
