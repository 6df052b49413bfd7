import { WriteStream } from 'node:tty';
import { progressBars } from './progress-bars.ts';
import type { ProgressDisplay } from './progress-display.ts';
import { progressLines } from './progress-lines.ts';

/** The display that fits the stream: bars on a terminal, plain lines everywhere else. */
export function showProgress(stream: NodeJS.WritableStream): ProgressDisplay {
  return isTerminal(stream) ? progressBars(stream) : progressLines((line) => void stream.write(`${line}\n`));
}

/** Whether lines can be drawn anew on it. */
export function isTerminal(stream: NodeJS.WritableStream): stream is WriteStream {
  return stream instanceof WriteStream && process.env['TERM'] !== 'dumb';
}
