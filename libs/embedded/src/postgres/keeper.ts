/**
 * The keeper: the parent of one Postgres server, in a session of its own so that signals to a terminal or a process
 * group pass it by. It watches a pipe from the process that wants the server. When that end closes, for whatever reason,
 * the keeper stops the server, removes temporary files and ends.
 */
import { Socket } from 'node:net';

import { EmbeddedError, embeddedErrorCodes } from '../errors.ts';
import { readLines } from '../read-lines.ts';
import type { KeeperAnswer, KeeperCommand, KeeperReady, KeeperStart } from './keeper-messages.ts';
import { KeptServer } from './kept-server.ts';

const pipe = new Socket({ fd: Number(process.env['LONGSHORE_PARENT_FD'] ?? 3), readable: true, writable: true });
const ending = new AbortController();
let server: KeptServer | undefined;
let hasStarted = false;
/** Commands run one after the other; the tail of that queue. */
let queue: Promise<void> = Promise.resolve();

function write(message: object): void {
  if (pipe.writable) pipe.write(`${JSON.stringify(message)}\n`);
}

function toFailure(error: unknown): { code: string; message: string; permanent: boolean } {
  if (EmbeddedError.is(error)) return { code: error.code, message: error.message, permanent: error.permanent };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: embeddedErrorCodes.postgresStartFailed, message, permanent: false };
}

async function start(options: KeeperStart): Promise<void> {
  try {
    server = await KeptServer.open(options, ending.signal);
    const pid = await server.start();
    const { folder, port, password } = server;
    const ready: KeeperReady = { path: folder.path, isTemporary: folder.isTemporary, port, pid, password };
    write({ event: 'ready', ...ready });
  } catch (error) {
    write({ event: 'failed', ...toFailure(error) });
    end();
  }
}

async function obey({ id, action }: KeeperCommand): Promise<void> {
  let answer: KeeperAnswer = { id };
  try {
    switch (action) {
      case 'start-server':
        if (server !== undefined) answer = { id, pid: await server.start() };
        break;
      case 'stop-server':
        await server?.stop();
        break;
      case 'stop':
        await server?.close();
        end();
        break;
    }
  } catch (error) {
    answer = { id, failure: toFailure(error) };
  }
  write(answer);
}

function end(): void {
  if (ending.signal.aborted) return;
  ending.abort(new Error('The process that wanted this server has ended.'));
  queue = queue.then(async () => {
    await server?.close();
    pipe.end();
    process.exit(0);
  });
}

readLines(pipe, (line) => {
  const message: unknown = JSON.parse(line);
  if (hasStarted) queue = queue.then(() => obey(message as KeeperCommand));
  else queue = start(message as KeeperStart);
  hasStarted = true;
});
pipe.on('error', end);
pipe.on('end', end);
pipe.on('close', end);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
