import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import { readLines } from '../read-lines.ts';
import type { ChildExit, ChildProcessHandle, StartChildOptions } from './child-process-handle.ts';
import { parseChildReport, type ChildReport } from './child-report.ts';
import { keptNodeArgs } from './kept-node-args.ts';

const parentFd = 3;
const keptLines = 50;
const defaultReadyTimeoutMs = 30_000;
const defaultGraceMs = 10_000;

/** A child whose start failed has the closed pipe as its sign to clean up; most have ended by themselves already. */
const failedStartGraceMs = 5_000;

/** The last output can arrive after the exit; half a second is ample, and a grandchild may hold the streams forever. */
const outputAfterExitMs = 500;

export interface LaunchChildOptions extends StartChildOptions {
  /** Called for each JSON line after the first one. */
  readonly onMessage?: (body: Readonly<Record<string, unknown>>) => void;
  /** Written on the pipe at once: what the child needs and a process list must not show (a password). */
  readonly firstMessage?: object;
}

/** A child with the parent's end of the pipe: what {@link startChild} hides and the keeper of Postgres needs. */
export interface LaunchedChild {
  readonly handle: ChildProcessHandle;
  /** Writes one JSON line on the pipe. */
  readonly send: (message: object) => void;
  /** Closes the parent's end of the pipe: the child sees what it would see if this process had ended. */
  readonly hangUp: () => void;
  /** Lets this process end while the child runs (it then ends too, through the pipe); `ref` undoes it. */
  readonly unref: () => void;
  readonly ref: () => void;
}

export async function launchChild(options: LaunchChildOptions): Promise<LaunchedChild> {
  options.signal?.throwIfAborted();
  const child = spawnNode(options);
  const pipe = child.stdio[parentFd] as Socket;
  const exited = exitOf(child);
  const lines = collectLines(child, options.onLine);
  // The child's end closes with the child: nothing to say about that beyond its exit.
  pipe.on('error', () => undefined);
  child.on('error', () => undefined);
  if (options.firstMessage !== undefined) pipe.write(`${JSON.stringify(options.firstMessage)}\n`);

  const info = await waitUntilReady(child, pipe, exited, lines, options).catch(async (error: unknown) => {
    pipe.destroy();
    await endWithinGrace(child, exited, failedStartGraceMs);
    throw error;
  });

  let stopping: Promise<ChildExit> | undefined;
  const handle: ChildProcessHandle = {
    name: options.name,
    pid: child.pid ?? 0,
    ready: info,
    exited,
    lastLines: () => [...lines],
    stop: (graceMs = defaultGraceMs) => (stopping ??= stopChild(child, exited, graceMs)),
    kill: (signal) => void child.kill(signal),
  };
  const streams = [pipe, child.stdout as Socket, child.stderr as Socket];
  return {
    handle,
    send: (message) => void pipe.write(`${JSON.stringify(message)}\n`),
    hangUp: () => pipe.destroy(),
    unref: () => [child, ...streams].forEach((each) => each.unref()),
    ref: () => [child, ...streams].forEach((each) => each.ref()),
  };
}

function spawnNode(options: LaunchChildOptions): ChildProcess {
  const entry =
    options.entry instanceof URL || options.entry.startsWith('file:') ? fileURLToPath(options.entry) : options.entry;
  const nodeArgs = options.nodeArgs ?? keptNodeArgs(process.execArgv);
  return spawn(process.execPath, [...nodeArgs, entry, ...(options.args ?? [])], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env, LONGSHORE_PARENT_FD: String(parentFd) },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
}

function collectLines(child: ChildProcess, onLine: StartChildOptions['onLine']): string[] {
  const lines: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    const readable = child[stream];
    if (readable === null) continue;
    readLines(readable, (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      onLine?.(line, stream);
    });
  }
  return lines;
}

async function waitUntilReady(
  child: ChildProcess,
  pipe: Socket,
  exited: Promise<ChildExit>,
  lines: readonly string[],
  options: LaunchChildOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const { name, signal, readyTimeoutMs = defaultReadyTimeoutMs } = options;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const spawnError = new Promise<Error>((resolve) => child.once('error', resolve));
  const firstReport = new Promise<Exclude<ChildReport, { event: 'message' }>>((resolve) => {
    readLines(pipe, (line) => {
      const report = parseChildReport(line);
      if (report?.event === 'message') options.onMessage?.(report.body);
      else if (report !== undefined) resolve(report);
    });
  });
  const timeout = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => timeout.resolve('timeout'), readyTimeoutMs);
  const aborted = Promise.withResolvers<'aborted'>();
  const onAbort = () => aborted.resolve('aborted');
  signal?.addEventListener('abort', onAbort);

  try {
    // A report written just before the exit must win over the exit, whichever event comes first.
    const ended = exited.then(async (exit) => {
      await Promise.race([closed, delay(outputAfterExitMs)]);
      return exit;
    });
    const outcome = await Promise.race([firstReport, spawnError, ended, timeout.promise, aborted.promise]);
    if (outcome === 'aborted') throw signal?.reason;
    if (outcome === 'timeout') {
      const message = `${name} was not ready within ${readyTimeoutMs} ms and was killed.${tail(lines)}`;
      throw new EmbeddedError(embeddedErrorCodes.childReadyTimeout, message, { output: [...lines] });
    }
    if (outcome instanceof Error) {
      const message = `${name} could not be started: ${outcome.message}.`;
      throw new EmbeddedError(embeddedErrorCodes.childFailed, message, { cause: outcome });
    }
    if (!('event' in outcome)) {
      const how = outcome.signal === null ? `with code ${String(outcome.code)}` : `by ${outcome.signal}`;
      const message = `${name} ended ${how} before it was ready.${tail(lines)}`;
      throw new EmbeddedError(embeddedErrorCodes.childFailed, message, { output: [...lines] });
    }
    if (outcome.event === 'failed') {
      const code = outcome.code === '' ? embeddedErrorCodes.childFailed : outcome.code;
      throw new EmbeddedError(code, `${name}: ${outcome.message}${tail(lines)}`, {
        output: [...lines],
        permanent: outcome.permanent,
      });
    }
    return outcome.info;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function stopChild(child: ChildProcess, exited: Promise<ChildExit>, graceMs: number): Promise<ChildExit> {
  child.kill('SIGTERM');
  return endWithinGrace(child, exited, graceMs);
}

async function endWithinGrace(child: ChildProcess, exited: Promise<ChildExit>, graceMs: number): Promise<ChildExit> {
  const timer = setTimeout(() => killGroup(child), graceMs);
  const exit = await exited;
  clearTimeout(timer);
  return exit;
}

/** The group, so that what a hung child started in turn does not outlive it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

function tail(lines: readonly string[]): string {
  return lines.length === 0 ? '' : ` Its last output:\n${lines.slice(-15).join('\n')}`;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
