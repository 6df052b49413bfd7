import { isTerminalTaskState, type TaskDetail } from '@longshore/client';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ProgressDisplay } from './progress-display.ts';
import { nodeText, stepText, taskText } from './progress-text.ts';
import { readProgress, type ProgressView } from './read-progress.ts';
import { addSample, type Sample } from './samples.ts';

/** Twice a second: speeds and ETA change between two snapshots, and the eye can still read them. */
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
  let lines: readonly { readonly name: string; readonly bar: SingleBar }[] = [];
  let samples: readonly Sample[] = [];

  const draw = (): void => {
    const wanted = linesOf(readProgress(samples, performance.now()));
    // A new step belongs above the nodes, and a node that left has no line: both mean drawing all of them anew.
    if (wanted.map(({ name }) => name).join() !== lines.map(({ name }) => name).join()) {
      for (const { bar } of lines) bars.remove(bar);
      lines = wanted.map(({ name, format }) => ({ name, bar: bars.create(FULL, 0, {}, { format }) }));
    }
    for (const [index, { value, payload }] of wanted.entries()) lines[index]?.bar.update(value, payload);
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

/** One line of the display: a bar's format, where the bar stands, and the texts that the format names. */
interface Line {
  readonly name: string;
  readonly format: string;
  readonly value: number;
  readonly payload: Readonly<Record<string, string>>;
}

function linesOf(view: ProgressView): readonly Line[] {
  const width = Math.max(0, ...view.steps.map(({ step }) => step.length));
  // A task that has ended has no use for the nodes of its last step, which may be a trivial one.
  const nodes = isTerminalTaskState(view.task.state) ? [] : view.nodes;
  return [
    { name: 'task', format: '{text}', value: 0, payload: { text: taskText(view) } },
    ...view.steps.map((step) => ({
      name: `step ${step.step}`,
      format: '  {name} {bar} {percentage}%  {text}',
      value: Math.floor((step.fraction ?? 0) * FULL),
      payload: { name: step.step.padEnd(width), text: stepText(step) },
    })),
    ...nodes.map((node) => ({
      name: `node ${node.node}`,
      format: '    {text}',
      value: 0,
      payload: { text: nodeText(node) },
    })),
  ];
}
