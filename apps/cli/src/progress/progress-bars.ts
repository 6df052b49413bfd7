import type { TaskDetail } from '@longshore/client';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ProgressDisplay } from './progress-display.ts';
import { nodeText, stepText, taskText } from './progress-text.ts';
import { readProgress, type StepView } from './read-progress.ts';
import { addSample, type Sample } from './samples.ts';

/** Twice a second: speeds and ETA go on between two snapshots, and the eye can still read them. */
const REDRAW_MS = 500;
const BAR_WIDTH = 24;
/** Bars are drawn in thousandths. */
const FULL = 1_000;

/** Progress on a terminal: a line for the task, a bar for each step, a line for each node. */
export function progressBars(stream: NodeJS.WriteStream): ProgressDisplay {
  const bars = new MultiBar({
    stream,
    hideCursor: true,
    // A long line is cut at the right edge: a wrapped one would be redrawn in the wrong place.
    linewrap: false,
    barsize: BAR_WIDTH,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    autopadding: true,
    // The command decides what a Ctrl-C does.
    gracefulExit: false,
    forceRedraw: true,
  });
  const lines = new Map<string, SingleBar>();
  let samples: readonly Sample[] = [];

  const line = (name: string, format: string): SingleBar => {
    const known = lines.get(name);
    if (known !== undefined) return known;
    const made = bars.create(FULL, 0, {}, { format });
    lines.set(name, made);
    return made;
  };
  const draw = (): void => {
    const view = readProgress(samples, performance.now());
    line('task', '{text}').update(0, { text: taskText(view) });
    for (const step of view.steps) {
      line(`step ${step.step}`, '  {name} {bar} {percentage}%  {text}').update(thousandths(step), {
        name: step.step.padEnd(longest(view.steps)),
        text: stepText(step),
      });
    }
    for (const node of view.nodes) line(`node ${node.node}`, '    {text}').update(0, { text: nodeText(node) });
  };
  const timer = setInterval(() => {
    if (samples.length > 0) draw();
  }, REDRAW_MS);
  return {
    update: (detail: TaskDetail) => {
      samples = addSample(samples, { atMs: performance.now(), detail });
      draw();
    },
    remark: (text) => bars.log(`${text}\n`),
    close: () => {
      clearInterval(timer);
      bars.stop();
    },
  };
}

function thousandths(step: StepView): number {
  return Math.floor((step.fraction ?? 0) * FULL);
}

function longest(steps: readonly StepView[]): number {
  return Math.max(...steps.map(({ step }) => step.length));
}
