import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@longshore/embedded';
import pg from 'pg';
import { ImportRun } from './import-run.ts';

/** A server, a session of the test's own, and a folder of files that imports may read. */
export interface ImportTarget {
  readonly client: pg.Client;
  readonly url: string;
  readonly folder: string;
  /** Writes a file into the folder and returns its path. */
  write(name: string, content: string | Buffer): Promise<string>;
  /** An import of its own into the target. */
  start(
    meta: Record<string, unknown>,
    options?: { readonly url?: string; readonly roots?: readonly string[] },
  ): ImportRun;
  stop(): Promise<void>;
}

export async function openImportTarget(): Promise<ImportTarget> {
  const server = await startPostgres({ durable: false });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'longshore-import-')));
  let lastTaskId = 0;
  return {
    client,
    url: server.url,
    folder,
    write: async (name, content) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    },
    start: (meta, { url = server.url, roots = [folder] } = {}) =>
      new ImportRun({ url, roots, taskId: `${++lastTaskId}`, meta }),
    stop: async () => {
      await client.end();
      await server.stop();
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
