import type { Readable } from 'node:stream';

/** Calls `onLine` for each line of a UTF-8 stream, without its line end; a last line without one counts too. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  });
  stream.once('end', () => {
    if (rest !== '') onLine(rest);
    rest = '';
  });
}
