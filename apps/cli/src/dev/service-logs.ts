import { createWriteStream, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';

/** One log file for each service process, from its last start. */
export class ServiceLogs {
  readonly #folder: string;
  readonly #files = new Map<string, WriteStream>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  write(name: string, line: string): void {
    let file = this.#files.get(name);
    if (file === undefined) {
      const path = join(this.#folder, `${name}.log`);
      // An earlier version's file would keep its mode.
      rmSync(path, { force: true });
      file = createWriteStream(path, { flags: 'w', mode: 0o600 });
      // A full disk costs the log, not the cluster.
      file.on('error', () => undefined);
      this.#files.set(name, file);
    }
    file.write(`${line}\n`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => new Promise<void>((done) => file.end(() => done()))));
  }
}
