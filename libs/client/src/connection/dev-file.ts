import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Default folder for the data of `longshore dev`. Other commands look there for its addresses. */
export const DEV_FOLDER = '.longshore';
export const DEV_FILE = 'dev.json';

/** What `longshore dev` writes for other commands. It contains secrets: only its user can read it. */
export interface DevFile {
  readonly natsUrl: string;
  readonly token: string;
  readonly databaseUrl: string;
  readonly cluster: string;
  /** The process that runs the cluster. */
  readonly pid: number;
}

/** A dev file and where it was found. */
export interface FoundDevFile extends DevFile {
  readonly path: string;
}

/** Looks for a dev file in a folder and in every one above it; null when there is none. */
export function findDevFile(folder: string): FoundDevFile | null {
  for (let at = folder; ; at = dirname(at)) {
    const found = readDevFile(join(at, DEV_FOLDER, DEV_FILE));
    if (found !== null || at === dirname(at)) return found;
  }
}

/** Reads one dev file; null when it is missing, unreadable, or no dev file. */
export function readDevFile(path: string): FoundDevFile | null {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
  return isDevFile(value) ? { ...value, path } : null;
}

function isDevFile(value: unknown): value is DevFile {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Record<string, unknown>;
  return (
    ['natsUrl', 'token', 'databaseUrl', 'cluster'].every((name) => typeof fields[name] === 'string') &&
    Number.isSafeInteger(fields['pid'])
  );
}

/** Whether a process of this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
