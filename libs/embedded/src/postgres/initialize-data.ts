import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import type { PostgresBinaries } from './binaries.ts';
import { commandAs, type ServerAccount } from './server-account.ts';
import type { ServerFolder } from './server-folder.ts';
import { serverEnvironment } from './server-environment.ts';

export interface InitializeDataOptions {
  readonly folder: ServerFolder;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly needsReach: boolean;
  readonly password: string;
  readonly signal: AbortSignal;
}

/**
 * Runs `initdb` unless the folder has data already. It works in `data.new`, which becomes `data` by one rename, so a
 * start that was killed half-way leaves nothing that looks like a database.
 *
 * @throws {EmbeddedError} `EMBEDDED_POSTGRES_START_FAILED` with the output of `initdb`.
 */
export async function initializeData(options: InitializeDataOptions): Promise<void> {
  const { folder, binaries, account, password, signal } = options;
  signal.throwIfAborted();
  if (existsSync(folder.data)) return;
  const unfinished = `${folder.data}.new`;
  const passwordFile = join(folder.path, 'initdb-password');
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) for (const path of [unfinished, passwordFile]) chownSync(path, account.uid, account.gid);

  const args = ['-D', unfinished, '-U', 'postgres', '--pwfile', passwordFile, '--auth=scram-sha-256'];
  // C: sorting does not depend on the machine. Temporary data needs no flush to disk (0.5 s); kept data gets one.
  args.push('--encoding=UTF8', '--locale=C', '--no-instructions', ...(folder.isTemporary ? ['--no-sync'] : []));
  try {
    await run(binaries.initdb, args, options);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, folder.data);
}

async function run(file: string, args: readonly string[], options: InitializeDataOptions): Promise<void> {
  const command = commandAs(options.account, options.needsReach, file, args);
  const child = spawn(command.file, command.args, {
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: an abort has to end the servers that initdb starts in turn, which write files.
    detached: true,
    ...(command.uid !== undefined && { uid: command.uid }),
    ...(command.gid !== undefined && { gid: command.gid }),
  });
  const end = () => endGroup(child.pid);
  options.signal.addEventListener('abort', end);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const outcome = await new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
    child.once('error', (error) => resolve(error.message));
  });
  options.signal.removeEventListener('abort', end);
  options.signal.throwIfAborted();
  if (outcome === 0) return;
  throw new EmbeddedError(
    embeddedErrorCodes.postgresStartFailed,
    `initdb failed (${String(outcome)}) for ${options.folder.path}:\n${output.trim()}`,
    { output: output.trim().split('\n') },
  );
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
