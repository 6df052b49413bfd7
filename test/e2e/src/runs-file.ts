import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@longshore/testing';
import { Latch } from './latch.ts';

/** One line that a toy subtask wrote. */
export interface RunNote {
  readonly taskId: string;
  readonly ordinal: number;
  readonly attempt: number;
  /** `start`, `end`, `part-N`, `slots-N`, `sleepMs-N`, `cleaned-up-on-NODE`, `tick-on-NODE`, or a hook's name. */
  readonly what: string;
}

/** The file into which toy subtasks write that they run: what happened, whatever the store says. */
export class RunsFile {
  readonly path: string;
  readonly #folder: string;
  #latches = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'runs');
  }

  static async make(): Promise<RunsFile> {
    return new RunsFile(await mkdtemp(join(tmpdir(), 'longshore-runs-')));
  }

  /** A closed latch, in the file's folder. */
  newLatch(): Latch {
    return new Latch(join(this.#folder, `latch-${++this.#latches}`));
  }

  notes(taskId: string): readonly RunNote[] {
    if (!existsSync(this.path)) return [];
    return readFileSync(this.path, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${taskId} `))
      .map((line) => {
        const [task = '', ordinal, attempt, what] = line.split(' ');
        return { taskId: task, ordinal: Number(ordinal), attempt: Number(attempt), what: what ?? '' };
      });
  }

  starts(taskId: string): readonly RunNote[] {
    return this.notes(taskId).filter((note) => note.what === 'start');
  }

  ends(taskId: string): readonly RunNote[] {
    return this.notes(taskId).filter((note) => note.what === 'end');
  }

  /** Waits until so many subtasks have started by their own word: the store counts what is claimed ahead as running too. */
  async untilStarted(taskId: string, count: number): Promise<void> {
    await waitUntil(
      () => this.starts(taskId).length,
      (started) => started >= count,
      { what: `${count} started subtasks` },
    );
  }

  /** What a task's subtasks noted, in the order in which they did: `ordinal/attempt what`. */
  lines(taskId: string): readonly string[] {
    return this.notes(taskId).map(({ ordinal, attempt, what }) => `${ordinal}/${attempt} ${what}`);
  }

  /** Attempts that were started more than once: two holders of one attempt. */
  doubledAttempts(taskId: string): readonly string[] {
    return doubles(this.starts(taskId).map((note) => `${note.ordinal}/${note.attempt}`));
  }

  /** Ordinals that were started more than once. */
  doubledOrdinals(taskId: string): readonly string[] {
    return doubles(this.starts(taskId).map((note) => String(note.ordinal)));
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}

function doubles(keys: readonly string[]): readonly string[] {
  return [...Map.groupBy(keys, (key) => key)].filter(([, group]) => group.length > 1).map(([key]) => key);
}
