import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** How often whoever waits looks for the file, in milliseconds. */
const LOOK_MS = 20;

/**
 * Something that toy subtasks and hooks wait for until the test opens it: the test has its fault happen meanwhile. A file, since it and
 * they are in processes of their own.
 */
export class Latch {
  /** For the meta of a toy. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** From now on everybody passes. */
  open(): void {
    writeFileSync(this.path, '');
  }
}

/**
 * Waits until a latch is open.
 *
 * @param path of the latch. Default: nothing is waited for.
 * @throws {Error} the signal's, when it is aborted first.
 */
export async function passLatch(path: string | undefined, signal: AbortSignal): Promise<void> {
  while (path !== undefined && !existsSync(path)) await wait(LOOK_MS, undefined, { signal });
}
