import { progressBars } from './progress-bars.ts';
import type { ProgressDisplay } from './progress-display.ts';
import { progressLines } from './progress-lines.ts';

/** The display that fits the stream: bars on a terminal, plain lines everywhere else. */
export function showProgress(stream: NodeJS.WriteStream): ProgressDisplay {
  return stream.isTTY && process.env['TERM'] !== 'dumb'
    ? progressBars(stream)
    : progressLines((line) => void stream.write(`${line}\n`));
}
