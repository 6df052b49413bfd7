import { resolve } from 'node:path';

import { launchChild, type LaunchedChild } from '../children/launch-child.ts';
import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import { isProcessRunning } from './is-process-running.ts';
import type { KeeperAction, KeeperAnswer, KeeperReady, KeeperStart } from './keeper-messages.ts';
import type { EmbeddedPostgres, PostgresOptions } from './postgres-options.ts';
import { endOrphanedServer, folderAt, releaseFolder, type ServerFolder } from './server-folder.ts';

const host = '127.0.0.1';
const defaultStartTimeoutMs = 60_000;

/** The keeper's own steps add up to 22 s at worst (fast, immediate, SIGKILL). */
const stopTimeoutMs = 28_000;

/** Signals after which the server ends without waiting for its clients. */
const endingSignals: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGQUIT', 'SIGINT', 'SIGABRT']);

/**
 * Starts a real Postgres on 127.0.0.1 from the npm package of this platform (Linux and macOS, x64 and arm64; on Windows
 * inside WSL). The superuser is `postgres`, authentication is scram-sha-256, the encoding UTF8, the locale C. As root,
 * the server runs as the user `postgres`, or `nobody`.
 *
 * The server ends with this process, however that ends, and so do temporary files: a keeper process in a session of its
 * own watches a pipe from here. When the keeper itself is killed with SIGKILL, Linux ends the server with it; this
 * process removes temporary files then, or, when it is gone too, the next start does.
 *
 * @throws {EmbeddedError} `EMBEDDED_PLATFORM_UNSUPPORTED`, `EMBEDDED_POSTGRES_ALREADY_RUNNING` when `dataDir` is in use,
 *   `EMBEDDED_PORT_IN_USE` for a fixed port, `EMBEDDED_POSTGRES_START_FAILED` with the end of the server's log,
 *   `EMBEDDED_CHILD_READY_TIMEOUT`. Throws the signal's reason when aborted.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<EmbeddedPostgres> {
  const { signal, startTimeoutMs = defaultStartTimeoutMs, dataDir, ...rest } = options;
  const start: KeeperStart = { ...rest, ...(dataDir !== undefined && { dataDir: resolve(dataDir) }) };
  const answers = new Map<number, (answer: KeeperAnswer) => void>();
  const keeper = await launchChild({
    name: 'postgres keeper',
    entry: new URL(import.meta.url.endsWith('.ts') ? './keeper.ts' : './keeper.js', import.meta.url),
    // It needs relative files only, and no debugger or loader of ours.
    nodeArgs: [],
    env: { NODE_OPTIONS: undefined },
    readyTimeoutMs: startTimeoutMs,
    firstMessage: start,
    onMessage: (body) => {
      const answer = body as unknown as KeeperAnswer;
      answers.get(answer.id)?.(answer);
    },
    ...(signal !== undefined && { signal }),
  });
  keeper.unref();
  return new RunningPostgres(keeper, answers);
}

class RunningPostgres implements EmbeddedPostgres {
  readonly host = host;
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly #keeper: LaunchedChild;
  readonly #answers: Map<number, (answer: KeeperAnswer) => void>;
  readonly #folder: ServerFolder;
  /** Set when the keeper has ended and what it left is cleaned up; the error when that failed. */
  readonly #cleanedUp: Promise<unknown>;
  #nextId = 1;
  #serverPid: number;
  #stopping: Promise<void> | undefined;

  constructor(keeper: LaunchedChild, answers: Map<number, (answer: KeeperAnswer) => void>) {
    const ready = keeper.handle.ready as unknown as KeeperReady;
    this.#keeper = keeper;
    this.#answers = answers;
    this.#serverPid = ready.pid;
    this.#folder = folderAt(ready.path, ready.isTemporary);
    this.port = ready.port;
    this.dataDir = ready.path;
    this.url = `postgres://postgres:${encodeURIComponent(ready.password)}@${host}:${ready.port}/postgres`;
    this.#cleanedUp = keeper.handle.exited.then(() => this.#cleanUp()).catch((error: unknown) => error);
  }

  get pid(): number | undefined {
    return this.#isServerRunning() ? this.#serverPid : undefined;
  }

  get keeperPid(): number {
    return this.#keeper.handle.pid;
  }

  readonly stop = (): Promise<void> => (this.#stopping ??= this.#stop());

  readonly restart = async (): Promise<void> => {
    await this.stopProcess();
    await this.startProcess();
  };

  readonly stopProcess = async (): Promise<void> => {
    await this.#command('stop-server');
  };

  readonly startProcess = async (): Promise<void> => {
    const { pid } = await this.#command('start-server');
    if (pid !== undefined) this.#serverPid = pid;
  };

  readonly kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (!this.#isServerRunning()) return;
    process.kill(this.#serverPid, signal);
    // The keeper is its parent and is not asked: it may be the one under test.
    while (endingSignals.has(signal) && this.#isServerRunning()) {
      await new Promise((wake) => setTimeout(wake, 5));
    }
  };

  #isServerRunning(): boolean {
    return isProcessRunning(this.#serverPid, this.#folder.data);
  }

  async #stop(): Promise<void> {
    this.#keeper.ref();
    const timer = setTimeout(() => this.#keeper.handle.kill('SIGKILL'), stopTimeoutMs);
    await this.#command('stop').catch(() => this.#keeper.hangUp());
    const failure = await this.#cleanedUp;
    clearTimeout(timer);
    if (failure === undefined) return;
    throw new EmbeddedError(
      embeddedErrorCodes.postgresStopFailed,
      `Postgres in ${this.dataDir} (process ${this.#serverPid}) could not be stopped and cleaned up; end it by hand.`,
      { cause: failure },
    );
  }

  /** Nothing is left to do after an orderly end; a keeper that was killed leaves its folder, and maybe the server. */
  async #cleanUp(): Promise<void> {
    await endOrphanedServer(this.#folder);
    releaseFolder(this.#folder);
  }

  async #command(action: KeeperAction): Promise<KeeperAnswer> {
    const id = this.#nextId++;
    const answered = new Promise<KeeperAnswer>((answer) => this.#answers.set(id, answer));
    this.#keeper.ref();
    try {
      this.#keeper.send({ id, action });
      const answer = await Promise.race([answered, this.#keeper.handle.exited]);
      if (!('id' in answer)) {
        const message = `The keeper of Postgres in ${this.dataDir} has ended; start a new server.`;
        throw new EmbeddedError(embeddedErrorCodes.postgresStartFailed, message, { permanent: true });
      }
      if (answer.failure === undefined) return answer;
      const { code, message, permanent } = answer.failure;
      throw new EmbeddedError(code, message, { permanent });
    } finally {
      this.#answers.delete(id);
      this.#keeper.unref();
    }
  }
}
