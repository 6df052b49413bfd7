import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTargetDatabase, type TargetDatabase } from '@longshore/testing-plugins';
import { ImportRun } from './import-run.ts';

/** A target database, and a folder of files that imports may read. */
export interface ImportTarget extends TargetDatabase {
  readonly folder: string;
  /** Writes a file into the folder and returns its path. */
  write(name: string, content: string | Buffer): Promise<string>;
  /** An import of its own into the target. */
  start(
    meta: Record<string, unknown>,
    options?: { readonly url?: string; readonly roots?: readonly string[] },
  ): ImportRun;
}

export async function openImportTarget(): Promise<ImportTarget> {
  const target = await openTargetDatabase();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'longshore-import-')));
  return {
    ...target,
    folder,
    write: async (name, content) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    },
    start: (meta, { url = target.url, roots = [folder] } = {}) =>
      new ImportRun({ url, roots, taskId: target.nextTaskId(), meta }),
    stop: async () => {
      await target.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Some megabytes of what CSV can hold: quotes, delimiters and line ends in fields, NULLs beside empty strings, long rows. */
export function sampleCsv(rows: number): string {
  const notes = [
    'plain',
    '',
    '""',
    '"a, b"',
    '"line\nbreak"',
    '"say ""hi"""',
    'é😀€',
    '"\n\n"',
    '"' + 'x'.repeat(3000) + '"',
  ];
  return Array.from(
    { length: rows },
    (_, i) => `${i + 1},${notes[(i * 7) % notes.length] ?? ''},${i % 5 === 0 ? '' : `${i / 4}`}\n`,
  ).join('');
}
