import type { Readable, Writable } from 'node:stream';
import { LogLimit, OUTPUT_RATE } from '../channel/log-limit.ts';

/**
 * Passes on what plugin code writes to the console, as far as the rate allows. The rest is read and left out: unread, it would fill the
 * thread's memory.
 */
export function passOutput(from: Readable, to: Writable): void {
  const limit = new LogLimit(OUTPUT_RATE);
  from.on('data', (chunk: Buffer) => {
    if (!limit.take(chunk.length)) return;
    const dropped = limit.takeDropped();
    if (dropped > 0) to.write(`[${dropped} bytes of output were left out]\n`);
    to.write(chunk);
  });
}
