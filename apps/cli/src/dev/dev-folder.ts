import { DEV_FILE, type DevFile } from '@longshore/client/internal';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';

/** Where a dev cluster keeps everything. */
export interface DevFolder {
  readonly path: string;
  /** Addresses and secrets of the running cluster; there only while it runs. */
  readonly devFile: string;
  /** Lets `psql` in without showing the password. */
  readonly passFile: string;
  readonly postgres: string;
  readonly logs: string;
}

/**
 * Makes the folder, or takes the one that is there.
 *
 * @throws {CliError} DEV_DATA_UNUSABLE when it can't be written.
 */
export function makeDevFolder(path: string): DevFolder {
  const folder = {
    path,
    devFile: join(path, DEV_FILE),
    passFile: join(path, 'pgpass'),
    postgres: join(path, 'postgres'),
    logs: join(path, 'log'),
  };
  try {
    mkdirSync(folder.logs, { recursive: true });
    // Started as root, Postgres runs as another user, who must be able to pass through.
    chmodSync(path, process.getuid?.() === 0 ? 0o711 : 0o700);
    // Logs show what tasks are about.
    chmodSync(folder.logs, 0o700);
    // Nobody wants a database in their repository.
    writeFileSync(join(path, '.gitignore'), '*\n');
  } catch (cause) {
    throw new CliError('DEV_DATA_UNUSABLE', `the data folder ${path} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
  return folder;
}

/** Writes what other commands and `psql` read, in one step each, so that nobody reads half of it. */
export function announce(folder: Pick<DevFolder, 'devFile' | 'passFile'>, dev: DevFile): void {
  const { hostname, port, pathname, username, password } = new URL(dev.databaseUrl);
  const entry = [hostname, port, pathname.slice(1), username, decodeURIComponent(password)];
  writeSecret(folder.passFile, `${entry.map((part) => part.replace(/[\\:]/g, '\\$&')).join(':')}\n`);
  writeSecret(folder.devFile, `${JSON.stringify(dev, null, 2)}\n`);
}

/** Removes what says that the cluster runs. The data stays. */
export function withdraw(folder: DevFolder): void {
  rmSync(folder.devFile, { force: true });
  rmSync(folder.passFile, { force: true });
}

function writeSecret(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
