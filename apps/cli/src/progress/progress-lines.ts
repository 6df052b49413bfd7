import type { TaskDetail } from '@longshore/client';
import type { ProgressDisplay } from './progress-display.ts';
import { progressLine } from './progress-text.ts';
import { readProgress } from './read-progress.ts';
import { addSample, type Sample } from './samples.ts';

/** Between two lines when neither state nor step changed: a log stays readable over hours. */
const LINE_INTERVAL_MS = 5_000;

/** Progress for what is not a terminal: a plain line at each change of state or step, and every few seconds between. */
export function progressLines(write: (line: string) => void): ProgressDisplay {
  let samples: readonly Sample[] = [];
  let written = { state: '', atMs: -Infinity };
  return {
    update: (detail: TaskDetail) => {
      const atMs = performance.now();
      samples = addSample(samples, { atMs, detail });
      const { state, step, waiting } = detail.task;
      const now = `${state} ${step ?? ''} ${waiting?.code ?? ''}`;
      if (now === written.state && atMs - written.atMs < LINE_INTERVAL_MS) return;
      written = { state: now, atMs };
      write(progressLine(readProgress(samples, atMs)));
    },
    remark: write,
    close: () => undefined,
  };
}
