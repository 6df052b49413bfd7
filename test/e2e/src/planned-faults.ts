import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULTS_VARIABLE, type Fault } from '@longshore/faults';
import { waitUntil } from '@longshore/testing';

/** What may happen in a cluster's processes, by a name of the test's. */
export type FaultPlan = Readonly<Record<string, Omit<Fault, 'once'>>>;

/** Faults that every process of a cluster knows from its start, and that happen once each when the test wants them. */
export class PlannedFaults<Name extends string> {
  /** For the environment of the cluster's processes. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;

  private constructor(folder: string, plan: Readonly<Record<Name, Omit<Fault, 'once'>>>) {
    this.#folder = folder;
    const faults = Object.entries<Omit<Fault, 'once'>>(plan).map(([name, fault]) => ({
      ...fault,
      once: join(folder, name, 'happened'),
    }));
    this.env = { [FAULTS_VARIABLE]: JSON.stringify(faults satisfies Fault[]) };
  }

  static async plan<P extends FaultPlan>(plan: P): Promise<PlannedFaults<keyof P & string>> {
    return new PlannedFaults<keyof P & string>(await mkdtemp(join(tmpdir(), 'longshore-faults-')), plan);
  }

  /** From now on it happens to the first process that comes to its place. */
  async arm(name: Name): Promise<void> {
    await this.disarm(name);
    await mkdir(join(this.#folder, name));
  }

  /** Nobody meets it any more, until it is armed again. Whoever it holds goes on. */
  async disarm(name: Name): Promise<void> {
    // Moved away in one go first: a process that meets the fault now would put its file into a folder that is being emptied.
    const folder = join(this.#folder, name);
    const gone = join(this.#folder, `${name}-${randomUUID()}`);
    const wasArmed = await rename(folder, gone).then(
      () => true,
      (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        return false;
      },
    );
    if (wasArmed) await rm(gone, { recursive: true });
  }

  /** Waits until it has happened. @returns the id of the process that it happened to. */
  async happened(name: Name): Promise<number> {
    const file = join(this.#folder, name, 'happened');
    const text = await waitUntil(
      () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
      (pid) => pid !== '',
      { what: `somebody at the fault ${name}` },
    );
    return Number(text);
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}
