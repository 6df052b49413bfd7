import { join } from 'node:path';

import { EmbeddedError, embeddedErrorCodes } from '../errors.ts';
import { findFreePort } from '../find-free-port.ts';
import { prepareBinaries, type PostgresBinaries } from './binaries.ts';
import { initializeData } from './initialize-data.ts';
import { isProcessRunning } from './is-process-running.ts';
import type { KeeperStart } from './keeper-messages.ts';
import { canReach, findServerAccount, hasSetpriv, type ServerAccount } from './server-account.ts';
import { claimFolder, keepPassword, releaseFolder, type ServerFolder } from './server-folder.ts';
import { startServerProcess, stopServerProcess, type ServerProcess } from './server-process.ts';

/** Free ports to try when another process takes one between the search and the start. */
const maxPortTries = 5;

/** After SIGKILL of the server its backends notice within moments; until then the memory they share blocks a new one. */
const sharedMemoryWaitMs = 10_000;

const defaultSettings = { max_connections: 200, timezone: 'UTC', log_timezone: 'UTC' };
const notDurable = { fsync: false, synchronous_commit: false, full_page_writes: false };

/** The keeper's server: its folder, its programs, and the process while it runs. */
export class KeptServer {
  readonly folder: ServerFolder;
  readonly #options: KeeperStart;
  readonly #signal: AbortSignal;
  readonly #account: ServerAccount | undefined;
  #binaries: PostgresBinaries | undefined;
  #needsReach = false;
  #process: ServerProcess | undefined;
  port: number;
  password = '';

  private constructor(folder: ServerFolder, options: KeeperStart, signal: AbortSignal) {
    this.folder = folder;
    this.#options = options;
    this.#signal = signal;
    this.#account = findServerAccount();
    this.port = options.port ?? 0;
  }

  /** Claims the folder and fills it with a database when it has none. */
  static async open(options: KeeperStart, signal: AbortSignal): Promise<KeptServer> {
    const server = new KeptServer(await claimFolder(options.dataDir), options, signal);
    try {
      await server.#prepare();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    const { folder } = this;
    this.#needsReach = !canReach(folder.path, this.#account);
    if (this.#needsReach && !hasSetpriv()) {
      throw new EmbeddedError(
        embeddedErrorCodes.postgresStartFailed,
        `Postgres does not run as root, and the user ${this.#account?.name ?? ''} may not enter ${folder.path}. Choose ` +
          'a folder outside a closed home directory, install util-linux (setpriv), or run as an ordinary user.',
        { permanent: true },
      );
    }
    this.password = keepPassword(folder, this.#options.password);
    this.#binaries = prepareBinaries(this.#account, join(folder.path, 'binaries'));
    await initializeData({
      folder,
      binaries: this.#binaries,
      account: this.#account,
      needsReach: this.#needsReach,
      password: this.password,
      signal: this.#signal,
    });
  }

  /** Starts the process; resolves to its id. Does nothing when it runs. The port stays the same from the first start on. */
  async start(): Promise<number> {
    if (this.#process !== undefined) {
      if (isProcessRunning(this.#process.pid, this.folder.data)) return this.#process.pid;
      // Killed a moment ago: its exit is about to be reported.
      await this.#process.exited;
    }
    const wanted = this.port;
    for (let tries = 1; ; tries += 1) {
      const port = wanted === 0 ? await findFreePort() : wanted;
      try {
        return await this.#startOn(port);
      } catch (error) {
        const isTaken = EmbeddedError.is(error) && error.code === embeddedErrorCodes.portInUse;
        if (!isTaken || wanted !== 0 || tries === maxPortTries) throw error;
      }
    }
  }

  async #startOn(port: number): Promise<number> {
    const { durable = true, settings } = this.#options;
    const server = await this.#startWhenMemoryIsFree({
      folder: this.folder,
      postgres: this.#binaries?.postgres ?? '',
      account: this.#account,
      needsReach: this.#needsReach,
      port,
      settings: { ...defaultSettings, ...(durable ? {} : notDurable), ...settings },
      signal: this.#signal,
    });
    this.#process = server;
    this.port = port;
    void server.exited.then(() => {
      if (this.#process === server) this.#process = undefined;
    });
    return server.pid;
  }

  async #startWhenMemoryIsFree(options: Parameters<typeof startServerProcess>[0]): Promise<ServerProcess> {
    const deadline = performance.now() + sharedMemoryWaitMs;
    for (;;) {
      try {
        return await startServerProcess(options);
      } catch (error) {
        const isMemoryUsed = EmbeddedError.is(error) && error.message.includes('shared memory block');
        if (!isMemoryUsed || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#process !== undefined) await stopServerProcess(this.#process);
    this.#process = undefined;
  }

  /** Stops the process and gives the folder back: a temporary one is removed. */
  async close(): Promise<void> {
    await this.stop();
    releaseFolder(this.folder);
  }
}
