import { Worker } from 'node:worker_threads';
import { LongshoreError, toErrorData, type ErrorData } from '@longshore/core';
import type { StopReason } from '@longshore/sdk';
import type { Measurement, SpanData } from '@longshore/telemetry';
import { errorOfData } from '../channel/error-of-data.ts';
import type {
  HostCall,
  MessageFromRunner,
  MessageToRunner,
  RunEnd,
  RunnerSetup,
  RunningTaskChange,
  RunProgress,
  RunSpec,
} from '../channel/messages.ts';
import { LINE_RATE, LogLimit } from '../channel/log-limit.ts';
import { failedEnd, readMessage, type Heard } from '../channel/read-message.ts';
import { passOutput } from './pass-output.ts';
import { pluginEnvironment } from './plugin-environment.ts';
import { openThreadMemory } from './thread-memory.ts';
import { Turn, turnMemory } from './turn.ts';
import type { TypeDescription } from '../channel/type-description.ts';

/** What the executor does for the hooks in a runner. */
export interface RunnerHost {
  /** Answers a hook's call; what it throws reaches the hook with its code. */
  call(runId: string, call: HostCall): Promise<unknown>;
  progress(runs: readonly RunProgress[]): void;
  /** Ends of runs, in the order in which they came to them. */
  settled(ends: readonly RunEnd[]): void;
  /** Ended spans of a run; the last ones come before it is settled. */
  spans(runId: string, spans: readonly SpanData[]): void;
  /** What the task type measured with its meter. */
  measured(measurements: readonly Measurement[]): void;
  log(
    runId: string,
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void;
  /** The worker ended by itself or by its limits, and not by `terminate`. What ran in it is settled with this error already. */
  crashed(error: ErrorData): void;
}

export interface RunnerOptions {
  readonly setup: RunnerSetup;
  /** Memory of this runner in bytes: V8's limit for the heap, and what the parent ends it at, buffers included. */
  readonly memoryBytes: number;
  /**
   * How long the task type may take to load, in milliseconds. Default 60,000. Packages load in less than a second, or in a few from a cold
   * disk on a busy machine. A module that blocks while it loads would keep its executor from ever being ready.
   */
  readonly loadTimeoutMs?: number;
  /** Told what is wrong with a task type that can be run all the same: a contract that a later host refuses. Default: nobody. */
  readonly onWarning?: (message: string) => void;
}

/** A worker thread with a loaded task type. Belongs to one task at a time. */
export interface Runner {
  readonly type: TypeDescription;
  /** Who gets calls and results; the executor sets it when the runner is given to a task. */
  host: RunnerHost;
  /** Runs a hook; its end comes as `host.settled`, also when the worker has ended already. */
  start(run: RunSpec): void;
  /**
   * Runs hooks one after the other, with one message and few answers: for small subtasks that may be run again. Their ends come some
   * milliseconds late. When the worker ends, only the run that was under way is settled as crashed; the others are blameless.
   */
  startTurn(runs: readonly RunSpec[]): Pick<Turn, 'takeBack'>;
  /** Asks a hook to end. It has until the executor's patience ends. */
  abort(runId: string, reason: StopReason): void;
  /**
   * Tells the running subtasks of a task what changed.
   *
   * @returns whether it conforms: false when slots were to be changed and the type has no hook for that.
   * @throws {TaskTypeError} what the type's hooks throw; RUNNER_CRASHED when the worker ends meanwhile.
   */
  modify(change: RunningTaskChange): Promise<boolean>;
  /** The task is over here. Resolves once its step executors are cleaned up, or the worker has ended. */
  endTask(taskId: string): Promise<void>;
  /** Ends the worker at once, also one that blocks; what runs in it is settled as crashed. */
  terminate(): Promise<void>;
  readonly isAlive: boolean;
  /** Whether another task of the type may run in it after this one. */
  readonly isReusable: boolean;
  /** How many hooks it runs now. */
  readonly runs: number;
}

/** How often the parent looks at a runner's memory, in milliseconds: a leak of 100 MB/s is caught within its slot's share. */
const MEMORY_CHECK_MS = 1_000;

const DEFAULT_LOAD_TIMEOUT_MS = 60_000;

/**
 * Memory for young objects of a thread, in MiB. Node lets a thread that has reached its limit go 16 MiB beyond, to come to its end; more
 * than that ends the whole process. With V8's default of 48 MiB, a collection on a busy machine moved twice as much at once: 5 of 18 test
 * runs died, and none with 12.
 */
const YOUNG_GENERATION_MB = 12;

const NO_HOST: RunnerHost = {
  call: () => Promise.reject(new LongshoreError('INTERNAL', 'the runner belongs to no task')),
  progress: () => undefined,
  settled: () => undefined,
  spans: () => undefined,
  measured: () => undefined,
  log: () => undefined,
  crashed: () => undefined,
};

/**
 * Starts a worker thread and loads a task type in it.
 *
 * @throws {LongshoreError} PLUGIN_LOAD_FAILED, PLUGIN_INVALID, PLUGIN_CONTRACT, PLUGIN_SETTINGS_INVALID, or RUNNER_CRASHED when the thread
 * ends while it loads or doesn't come to an end with it.
 */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const memory = openThreadMemory();
  const worker = new Worker(new URL(import.meta.resolve('@longshore/runner/worker')), {
    workerData: memory.port === null ? options.setup : { ...options.setup, memoryPort: memory.port },
    transferList: memory.port === null ? [] : [memory.port],
    name: `runner ${options.setup.packageName}`,
    env: pluginEnvironment(process.env),
    stdout: true,
    stderr: true,
    resourceLimits: {
      maxOldGenerationSizeMb: Math.max(64, Math.floor(options.memoryBytes / (1024 * 1024))),
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
    },
  });
  passOutput(worker.stdout, process.stdout);
  passOutput(worker.stderr, process.stderr);
  /** What runs, with the turn that it is part of. */
  const runs = new Map<string, Turn | null>();
  const changes = new Map<number, PromiseWithResolvers<boolean>>();
  let lastChange = 0;
  const endings = new Map<number, () => void>();
  let lastEnding = 0;
  let isAlive = true;
  /** Whether it was told to end. */
  let isWanted = false;
  let isBroken = false;
  let isReusable = true;
  let reason: ErrorData | null = null;
  const post = (message: MessageToRunner): void => worker.postMessage(message);

  const { loadTimeoutMs = DEFAULT_LOAD_TIMEOUT_MS } = options;
  let loading: NodeJS.Timeout | undefined;
  const type = await new Promise<TypeDescription>((resolve, reject) => {
    loading = setTimeout(() => reject(loadTimeout(options.setup.packageName, loadTimeoutMs)), loadTimeoutMs);
    worker.on('message', (message: unknown) => {
      const heard = readMessage(message);
      if (heard === 'nothing') return;
      if ('broken' in heard) {
        reject(
          new LongshoreError('PLUGIN_INVALID', `${options.setup.packageName} can't be described: ${heard.broken}`),
        );
      } else if (heard.message.kind === 'ready') {
        if (heard.message.warning !== null) options.onWarning?.(heard.message.warning);
        resolve(heard.message.type);
      } else if (heard.message.kind === 'load-failed') reject(errorOfData(heard.message.error));
    });
    worker.once('error', (cause: unknown) =>
      reject(new LongshoreError('RUNNER_CRASHED', `the runner ended while loading: ${describe(cause)}`, { cause })),
    );
    worker.once('exit', () => reject(new LongshoreError('RUNNER_CRASHED', 'the runner ended while loading')));
  })
    .catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    })
    .finally(() => clearTimeout(loading));

  if (type.isReused === false) isReusable = false;

  const runner: Runner = {
    type,
    host: NO_HOST,
    start: (run) => {
      if (!isAlive) {
        // Nobody would answer. Later, like every other end, so that the caller has noted what it started.
        queueMicrotask(() => runner.host.settled([crashEnd(run.runId, reason ?? crashed('it had ended before'))]));
        return;
      }
      runs.set(run.runId, null);
      post({ kind: 'start', run });
    },
    startTurn: (inTurn) => {
      const shared = turnMemory();
      const turn = new Turn(inTurn, shared);
      if (!isAlive) {
        const error = reason ?? crashed('it had ended before');
        const ends = inTurn.map(({ runId }) => crashEnd(runId, error, true));
        queueMicrotask(() => runner.host.settled(ends));
        return { takeBack: () => [] };
      }
      for (const { runId } of inTurn) runs.set(runId, turn);
      post({ kind: 'start-turn', runs: inTurn, memory: shared });
      return {
        takeBack: () => {
          const back = turn.takeBack();
          for (const runId of back) runs.delete(runId);
          return back;
        },
      };
    },
    abort: (runId, why) => post({ kind: 'abort', runId, reason: why }),
    modify: (change) => {
      if (!isAlive) return Promise.reject(errorOfData(reason ?? crashed('it had ended before')));
      const answer = Promise.withResolvers<boolean>();
      const changeId = ++lastChange;
      changes.set(changeId, answer);
      post({ kind: 'modify', changeId, change });
      return answer.promise;
    },
    endTask: (taskId) => {
      if (!isAlive) return Promise.resolve();
      return new Promise((resolve) => {
        const endId = ++lastEnding;
        endings.set(endId, resolve);
        post({ kind: 'end-task', endId, taskId });
      });
    },
    terminate: async () => {
      isWanted = true;
      reason ??= crashed('the executor ended it');
      clearInterval(watch);
      await worker.terminate();
    },
    get isReusable() {
      return isReusable;
    },
    get isAlive() {
      return isAlive;
    },
    get runs() {
      return runs.size;
    },
  };

  const lines = new LogLimit({ perSecond: 2 * LINE_RATE.perSecond, atOnce: 2 * LINE_RATE.atOnce });
  /** Runs that have said something that they may not: that is what they end with. */
  const faults = new Map<string, ErrorData>();
  const receive = (heard: Heard): void => {
    // What comes after something that can't be read is not to be relied upon either.
    if (isBroken || heard === 'nothing') return;
    if ('broken' in heard) {
      breakOff(heard.broken);
      return;
    }
    const { message } = heard;
    for (const [runId, fault] of heard.faults) if (runs.has(runId) && !faults.has(runId)) faults.set(runId, fault);
    if (message.kind === 'settled') {
      settle(message.ends);
      return;
    }
    // The thread limits itself; plugin code can go around that.
    if (message.kind === 'log' && !lines.take()) return;
    if (message.kind === 'globals-changed') {
      isReusable = false;
      return;
    }
    if (message.kind === 'modified') {
      const answer = changes.get(message.changeId);
      changes.delete(message.changeId);
      if (message.error === undefined) answer?.resolve(message.isConformed);
      else answer?.reject(errorOfData(message.error));
      return;
    }
    if (message.kind === 'task-ended') {
      endings.get(message.endId)?.();
      endings.delete(message.endId);
      return;
    }
    dispatch(runner.host, message, post);
  };
  /** Each run has one end: a second one, or one of a run that nobody started, is none. */
  const settle = (ends: readonly RunEnd[]): void => {
    const told = ends.flatMap((end) => {
      if (!runs.delete(end.runId)) return [];
      const fault = faults.get(end.runId);
      faults.delete(end.runId);
      return [fault === undefined ? end : failedEnd(end.runId, fault)];
    });
    if (told.length > 0) runner.host.settled(told);
  };
  const breakOff = (why: string): void => {
    isBroken = true;
    reason ??= crashed(`it sent a message that can't be read: ${why}`);
    clearInterval(watch);
    void worker.terminate();
  };
  worker.on('message', (message: unknown) => {
    try {
      receive(readMessage(message));
    } catch (error) {
      // Whoever stumbles over what a plugin says must not fall: it would take the executor along.
      breakOff(describe(error));
    }
  });
  // What can't be taken apart here (a value of thousands of levels) may have been anything, the end of a run too.
  worker.on('messageerror', (cause: unknown) => breakOff(describe(cause)));
  worker.on('error', (cause: unknown) => (reason = crashError(cause)));
  const watch = setInterval(() => void checkMemory(), MEMORY_CHECK_MS).unref();
  let isMeasuring = false;
  const checkMemory = async (): Promise<void> => {
    // A thread that is busy answers late: one question at a time, and none to a thread that is being ended.
    if (isMeasuring) return;
    isMeasuring = true;
    const used = await memory.read(worker);
    isMeasuring = false;
    if (used === null || used <= options.memoryBytes) return;
    reason = crashed(`it used ${toMiB(used)} MiB, its slots buy ${toMiB(options.memoryBytes)} MiB`);
    clearInterval(watch);
    await worker.terminate();
  };
  worker.once('exit', (code) => {
    isAlive = false;
    clearInterval(watch);
    memory.close();
    const error = reason ?? crashed(`the worker exited with code ${code}`);
    reason = error;
    const ends = [...runs].map(([runId, turn]) => crashEnd(runId, error, turn !== null && turn.underWay !== runId));
    runs.clear();
    for (const answer of changes.values()) answer.reject(errorOfData(error));
    changes.clear();
    for (const ended of endings.values()) ended();
    endings.clear();
    if (ends.length > 0) runner.host.settled(ends);
    if (!isWanted) runner.host.crashed(error);
  });
  return runner;
}

function dispatch(host: RunnerHost, message: MessageFromRunner, post: (message: MessageToRunner) => void): void {
  switch (message.kind) {
    case 'call':
      host.call(message.runId, message.call).then(
        (value) => post({ kind: 'reply', callId: message.callId, value }),
        (thrown: unknown) => post({ kind: 'reply', callId: message.callId, error: toErrorData(thrown) }),
      );
      return;
    case 'progress':
      if (message.runs.length > 0) host.progress(message.runs);
      return;
    case 'measurements':
      host.measured(message.measurements);
      return;
    case 'spans':
      host.spans(message.runId, message.spans);
      return;
    case 'log':
      host.log(message.runId, message.level, message.message, message.fields);
      return;
    case 'ready':
    case 'load-failed':
    case 'settled':
    case 'globals-changed':
    case 'modified':
    case 'task-ended':
      return;
  }
}

function loadTimeout(packageName: string, loadTimeoutMs: number): LongshoreError {
  return new LongshoreError(
    'RUNNER_CRASHED',
    `${packageName} was not loaded within ${loadTimeoutMs} ms; a module must not block or wait for something while it is imported`,
  );
}

function crashed(why: string): ErrorData {
  return { code: 'RUNNER_CRASHED', permanent: false, message: `the runner ended: ${why}` };
}

function crashError(cause: unknown): ErrorData {
  const isOutOfMemory = (cause as { readonly code?: unknown } | null | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return crashed(isOutOfMemory ? 'its heap outgrew the memory that its slots buy' : describe(cause));
}

/** Plugin code may throw anything, also where nobody waits. */
function describe(thrown: unknown): string {
  return toErrorData(thrown).message;
}

function crashEnd(runId: string, error: ErrorData, isBlameless = false): RunEnd {
  const settled = { ok: false, error, stopped: null, rows: 0, bytes: 0 } as const;
  return { runId, settled: isBlameless ? { ...settled, isBlameless } : settled, time: null };
}

function toMiB(bytes: number): number {
  return Math.round(bytes / (1024 * 1024));
}
