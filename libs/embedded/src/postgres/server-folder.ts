import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import { isProcessRunning } from './is-process-running.ts';

const temporaryPrefix = 'longshore-postgres-';

/** A folder without a keeper's note is a start under way, or one that was killed within its first moments. */
const unclaimedForMs = 60_000;

/** How long an orphaned server may take to end after SIGQUIT; it gives its own children 5 s. */
const orphanEndMs = 10_000;

/** Everything one server has on disk: its data, password, log, and the note that says which keeper it belongs to. */
export interface ServerFolder {
  readonly path: string;
  readonly data: string;
  readonly log: string;
  readonly isTemporary: boolean;
}

interface KeeperNote {
  readonly pid: number;
  readonly host: string;
}

/**
 * Makes or takes over the folder of a server and claims it for this keeper.
 *
 * @throws {EmbeddedError} `EMBEDDED_POSTGRES_ALREADY_RUNNING` when another keeper runs a server in it.
 */
export async function claimFolder(dataDir: string | undefined): Promise<ServerFolder> {
  if (dataDir === undefined) {
    await removeAbandonedFolders();
    return claimTemporaryFolder();
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const folder = folderAt(dataDir, false);
  await claimKeptFolder(folder);
  return folder;
}

export function folderAt(path: string, isTemporary: boolean): ServerFolder {
  return { path, data: join(path, 'data'), log: join(path, 'postgres.log'), isTemporary };
}

export function releaseFolder(folder: ServerFolder): void {
  if (folder.isTemporary) rmSync(folder.path, { recursive: true, force: true, maxRetries: 5 });
  else rmSync(notePath(folder), { force: true });
}

function claimTemporaryFolder(): ServerFolder {
  const path = mkdtempSync(join(tmpdir(), temporaryPrefix));
  // Another user may have to pass through to `data`, but has no business listing it.
  chmodSync(path, 0o711);
  const folder = folderAt(path, true);
  writeNote(folder);
  return folder;
}

async function claimKeptFolder(folder: ServerFolder): Promise<void> {
  const owner = readNote(folder);
  if (owner !== undefined && isKeeperRunning(owner)) {
    throw new EmbeddedError(
      embeddedErrorCodes.postgresAlreadyRunning,
      `Postgres is already running in ${folder.path} (keeper process ${owner.pid}). Stop that one first, use its URL, ` +
        'or pass another dataDir.',
      { permanent: true },
    );
  }
  await endOrphanedServer(folder);
  rmSync(notePath(folder), { force: true });
  writeNote(folder);
}

/**
 * Ends a server whose keeper is gone and which the kernel did not end with it (only where `setpriv` is missing).
 * Losing nothing that was committed: SIGQUIT is a crash to Postgres, and the next start recovers.
 */
export async function endOrphanedServer(folder: ServerFolder): Promise<void> {
  const pid = readPostmasterPid(folder);
  if (pid === undefined || !isProcessRunning(pid, folder.data)) return;
  const deadline = performance.now() + orphanEndMs;
  signalQuietly(pid, 'SIGQUIT');
  while (isProcessRunning(pid, folder.data)) {
    if (performance.now() > deadline) signalQuietly(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The temporary folders of keepers that were killed with SIGKILL: nobody else removes them. */
async function removeAbandonedFolders(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(temporaryPrefix))) {
    const folder = folderAt(join(tmpdir(), name), true);
    try {
      if (!isAbandoned(folder)) continue;
      await endOrphanedServer(folder);
      releaseFolder(folder);
    } catch {
      // Another start is removing it as well, or it belongs to another user.
    }
  }
}

function isAbandoned(folder: ServerFolder): boolean {
  const { uid, mtimeMs } = statSync(folder.path);
  if (uid !== process.getuid?.()) return false;
  const owner = readNote(folder);
  return owner === undefined ? Date.now() - mtimeMs > unclaimedForMs : !isKeeperRunning(owner);
}

/** A folder shared between containers can hold the note of a process that is not visible here: leave that one alone. */
function isKeeperRunning(owner: KeeperNote): boolean {
  return owner.host !== hostname() || isProcessRunning(owner.pid, 'keeper');
}

function readNote(folder: ServerFolder): KeeperNote | undefined {
  try {
    return JSON.parse(readFileSync(notePath(folder), 'utf8')) as KeeperNote;
  } catch {
    return undefined;
  }
}

function writeNote(folder: ServerFolder): void {
  const note: KeeperNote = { pid: process.pid, host: hostname() };
  writeFileSync(notePath(folder), JSON.stringify(note), { flag: 'wx' });
}

function notePath(folder: ServerFolder): string {
  return join(folder.path, 'keeper.json');
}

function readPostmasterPid(folder: ServerFolder): number | undefined {
  const path = join(folder.data, 'postmaster.pid');
  return existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : undefined;
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between, which is what we want.
  }
}

/**
 * The password of the folder's server, made on the first start and readable for us alone.
 *
 * @throws {EmbeddedError} `EMBEDDED_POSTGRES_START_FAILED` when the folder was made with another one.
 */
export function keepPassword(folder: ServerFolder, wanted: string | undefined): string {
  const path = join(folder.path, 'password');
  if (!existsSync(folder.data)) rmSync(path, { force: true });
  if (!existsSync(path)) writeFileSync(path, wanted ?? randomBytes(24).toString('base64url'), { mode: 0o600 });
  const password = readFileSync(path, 'utf8');
  if (wanted === undefined || wanted === password) return password;
  throw new EmbeddedError(
    embeddedErrorCodes.postgresStartFailed,
    `The data in ${folder.path} was made with another password. Leave the password out to use the stored one.`,
    { permanent: true },
  );
}
