import { isTerminalTaskState, type TaskDetail } from '@longshore/client';
import type { WriteStream } from 'node:tty';
import { LiveLines } from '../terminal/live-lines.ts';
import type { ProgressDisplay } from './progress-display.ts';
import { nodeText, stepText, taskText } from './progress-text.ts';
import { readProgress, type ProgressView } from './read-progress.ts';
import { addSample, type Sample } from './samples.ts';

/** Twice a second: speeds and ETA change between two snapshots, and the eye can still read them. */
const REDRAW_MS = 500;
const BAR_WIDTH = 24;

/** Progress on a terminal: a line for the task, a bar for each step, a line for each node. */
export function progressBars(stream: WriteStream): ProgressDisplay {
  const live = new LiveLines(stream);
  let samples: readonly Sample[] = [];
  const draw = (): void => {
    if (samples.length > 0) live.draw(progressBarLines(readProgress(samples, performance.now())));
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    update: (detail: TaskDetail) => {
      samples = addSample(samples, { atMs: performance.now(), detail });
      draw();
    },
    remark: (text) => live.above(text),
    close: () => {
      clearInterval(timer);
      live.close();
    },
  };
}

/** The lines of the display. */
export function progressBarLines(view: ProgressView): readonly string[] {
  const width = Math.max(0, ...view.steps.map(({ step }) => step.length));
  // A task that has ended has no use for the nodes of its last step, which may be a trivial one.
  const nodes = isTerminalTaskState(view.task.state) ? [] : view.nodes;
  return [
    taskText(view),
    ...view.steps.map((step) => `  ${step.step.padEnd(width)} ${barText(step.fraction)}  ${stepText(step)}`),
    ...nodes.map((node) => `    ${nodeText(node)}`),
  ];
}

/** `████████░░░░░░░░  33%`; without a number where nobody knows how much there is to do. */
function barText(fraction: number | null): string {
  const full = Math.floor((fraction ?? 0) * BAR_WIDTH);
  const percent = fraction === null ? '' : `${Math.floor(fraction * 100)}%`;
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${percent.padStart(4)}`;
}
