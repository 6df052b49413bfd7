import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessWatch } from '@longshore/runner';
import type { NodeIdentity } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import { monotonicMs, NEW_STATE, type GuardMessage, type GuardState } from './guard-state.ts';

export interface NodeGuardOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
}

/** How long to wait before a guard that has ended is replaced, in milliseconds. */
const REPLACE_MS = 500;

/**
 * A process beside this one that knows when the node's lease ends, and what runs here that may not overlap. When the lease is over and this
 * process can't end that itself, since its main thread is blocked or it stands still, the guard ends this process. When this process ends in
 * any way, the guard ends the processes of its runners, and tells the store if it was a crash.
 */
export class NodeGuard {
  readonly #options: NodeGuardOptions;
  readonly #held = new Set<string>();
  readonly #processes = new Set<number>();
  #state: GuardState = NEW_STATE;
  #child: ChildProcess | null = null;
  #isClosed = false;

  constructor(options: NodeGuardOptions) {
    this.#options = options;
    this.#start();
  }

  /** Learns the processes of runners. */
  readonly watch: ProcessWatch = {
    started: (pid) => {
      this.#processes.add(pid);
      this.#tell({ processes: [...this.#processes] });
    },
    ended: (pid) => {
      this.#processes.delete(pid);
      this.#tell({ processes: [...this.#processes] });
    },
  };

  /** A non-idempotent subtask is about to begin. */
  held(id: string): void {
    this.#held.add(id);
    if (this.#held.size === 1) this.#tell({ held: 1 });
  }

  /** It has come to its end, or what it ran in has ended. */
  released(id: string): void {
    if (this.#held.delete(id) && this.#held.size === 0) this.#tell({ held: 0 });
  }

  /**
   * @param leaseEndsAt by this process's `performance.now()`.
   * @param killMs how long after that this process is ended if something is held, in milliseconds.
   */
  leaseRenewed(node: NodeIdentity, leaseEndsAt: number, killMs: number): void {
    this.#tell({ node, leaseEndsAt: monotonicMs() + leaseEndsAt - performance.now(), killMs });
  }

  /** The node hands its work back: what ends it from now on is no crash. */
  leave(): void {
    this.#tell({ isLeaving: true });
  }

  /** Ends the guard. */
  close(): void {
    this.#isClosed = true;
    this.leave();
    this.#child?.disconnect();
  }

  #start(): void {
    const { databaseUrl, logger } = this.#options;
    const child = fork(fileURLToPath(import.meta.resolve('@longshore/executor/guard')), [], {
      execArgv: process.execArgv.filter((arg) => !arg.startsWith('--inspect')),
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    child.on('error', (error) => logger.error({ error }, 'the guard could not be started'));
    child.once('exit', (code, signal) => {
      if (this.#isClosed) return;
      logger.error({ code, signal }, 'the guard has ended; starting another one');
      setTimeout(() => {
        if (!this.#isClosed) this.#start();
      }, REPLACE_MS).unref();
    });
    // It is no reason for this process to stay.
    child.unref();
    child.channel?.unref();
    this.#send({ kind: 'store', databaseUrl, executorPid: process.pid });
    this.#tell({});
  }

  #tell(change: Partial<GuardState>): void {
    this.#state = { ...this.#state, ...change };
    this.#send({ kind: 'state', state: this.#state });
  }

  #send(message: GuardMessage): void {
    if (this.#child?.connected === true) this.#child.send(message, () => undefined);
  }
}
