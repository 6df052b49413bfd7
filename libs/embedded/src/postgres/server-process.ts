import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import { commandAs, type ServerAccount } from './server-account.ts';
import { serverEnvironment } from './server-environment.ts';
import type { ServerFolder } from './server-folder.ts';

/** `pg_ctl` reads the same file for the same word, every 100 ms; a start takes 30 ms here. */
const readyPollMs = 10;

/** Fast shutdown writes a checkpoint, which is seconds at most; immediate shutdown gives its children 5 s. */
const fastShutdownMs = 8_000;
const immediateShutdownMs = 7_000;

export interface ServerProcessOptions {
  readonly folder: ServerFolder;
  readonly postgres: string;
  readonly account: ServerAccount | undefined;
  readonly needsReach: boolean;
  readonly port: number;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly signal: AbortSignal;
}

/** One run of the `postgres` program. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when it has ended. Never rejects. */
  readonly exited: Promise<void>;
}

/**
 * Starts `postgres` and waits until it accepts connections.
 *
 * @throws {EmbeddedError} `EMBEDDED_PORT_IN_USE`, or `EMBEDDED_POSTGRES_START_FAILED` with the end of the server's log.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const child = spawnServer(options);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const state = { hasEnded: false };
  void exited.then(() => (state.hasEnded = true));

  while (!isReady(options.folder, child.pid)) {
    if (options.signal.aborted) {
      child.kill('SIGQUIT');
      await exited;
      throw options.signal.reason;
    }
    if (state.hasEnded) throw startFailure(options);
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, readyPollMs))]);
  }
  return { pid: child.pid ?? 0, exited };
}

/** Ends the server: fast shutdown, then immediate, then SIGKILL. A server that was suspended is woken up for it. */
export async function stopServerProcess(server: ServerProcess): Promise<void> {
  const steps: readonly (readonly [NodeJS.Signals, number])[] = [
    ['SIGINT', fastShutdownMs],
    ['SIGQUIT', immediateShutdownMs],
    ['SIGKILL', immediateShutdownMs],
  ];
  for (const [signal, waitMs] of steps) {
    if (!sendSignal(server.pid, signal)) return;
    sendSignal(server.pid, 'SIGCONT');
    const timer = Promise.withResolvers<'late'>();
    const handle = setTimeout(() => timer.resolve('late'), waitMs);
    const outcome = await Promise.race([server.exited, timer.promise]);
    clearTimeout(handle);
    if (outcome !== 'late') return;
  }
}

function spawnServer(options: ServerProcessOptions): ChildProcess {
  const { folder, account, needsReach } = options;
  const settings = {
    ...options.settings,
    port: options.port,
    listen_addresses: '127.0.0.1',
    // No socket file: its path may not exceed 107 bytes, which a deep checkout does.
    unix_socket_directories: '',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${String(value)}`]);
  const command = commandAs(account, needsReach, options.postgres, ['-D', folder.data, ...args]);
  const log = openSync(folder.log, 'w', 0o600);
  try {
    return spawn(command.file, command.args, {
      cwd: '/',
      env: serverEnvironment(),
      stdio: ['ignore', log, log],
      ...(command.uid !== undefined && { uid: command.uid }),
      ...(command.gid !== undefined && { gid: command.gid }),
    });
  } finally {
    closeSync(log);
  }
}

/** The first line of `postmaster.pid` is the process id, the eighth its state. */
function isReady(folder: ServerFolder, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(join(folder.data, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

function startFailure(options: ServerProcessOptions): EmbeddedError {
  const output = readFileSync(options.folder.log, 'utf8').trim().split('\n').slice(-15);
  const text = output.join('\n');
  if (text.includes('Address already in use')) {
    const message = `Port ${options.port} on 127.0.0.1 is in use; stop what listens there, or pass port 0 for a free one.`;
    return new EmbeddedError(embeddedErrorCodes.portInUse, message, { output });
  }
  const message = `Postgres did not start in ${options.folder.path}. The end of its log:\n${text}`;
  return new EmbeddedError(embeddedErrorCodes.postgresStartFailed, message, { output });
}

function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
