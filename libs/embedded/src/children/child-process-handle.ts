/** How a child process ended; exactly one of the two is not null, except for a child that could not be spawned. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running child process. It ends when its parent ends, however that happens, because it watches a pipe from it. */
export interface ChildProcessHandle {
  readonly name: string;
  readonly pid: number;
  /** What the child said about itself when it was ready (addresses, ids): the ready line without `event`. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Resolves when the process has ended, whatever ended it. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** The last 50 lines of its output, both streams, oldest first. */
  readonly lastLines: () => readonly string[];
  /**
   * Ends the child: SIGTERM, and SIGKILL to its whole process group after the grace. Safe to call twice.
   * @param graceMs milliseconds between the two, default 10000. Raise it when the child drains long work.
   */
  readonly stop: (graceMs?: number) => Promise<ChildExit>;
  /** Sends a signal to the child alone (not to its group). Does nothing when it has already ended. */
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface StartChildOptions {
  /** Shown in messages, for example `owner` or `executor-2`. */
  readonly name: string;
  /** The main module: an absolute path or a `file:` URL of a `.ts` or `.js` file. */
  readonly entry: string | URL;
  /** Arguments after the main module. Default none. */
  readonly args?: readonly string[];
  /** Added to this process's environment; `undefined` removes a variable. Default nothing. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Node's own flags. Default: the `--conditions` of this process, so that a child of sources runs from sources too. */
  readonly nodeArgs?: readonly string[];
  /** Working directory. Default: this process's own. */
  readonly cwd?: string;
  /** Called for every line the child writes. Default: lines are only kept for messages. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** How long the child may take to say that it is ready, in milliseconds. Default 30000; raise it on slow machines. */
  readonly readyTimeoutMs?: number;
  /** Aborting it kills a child that is not ready yet; a ready child is not touched. */
  readonly signal?: AbortSignal;
}
