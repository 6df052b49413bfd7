import { LongshoreError, toErrorData, type ErrorData } from '@longshore/core';
import type { StopReason } from '@longshore/sdk';
import type { Measurement, SpanData } from '@longshore/telemetry';
import { errorOfData } from '../channel/error-of-data.ts';
import type {
  HostCall,
  MessageFromRunner,
  MessageToRunner,
  RunConnections,
  RunEnd,
  RunnerSetup,
  RunningTaskChange,
  RunProgress,
  RunSpec,
} from '../channel/messages.ts';
import { TaskConnections, type ConnectionUrls } from './task-connections.ts';
import { LINE_RATE, LogLimit, MESSAGE_RATE } from '../channel/log-limit.ts';
import { failedEnd, readMessage } from '../channel/read-message.ts';
import { openVessel } from './open-vessel.ts';
import { crashed, crashEnd, crashError, describe, loadTimeout, toMiB } from './runner-crash.ts';
import { QueuedTurn } from './queued-turn.ts';
import { Turn, turnMemory, type TurnOfRuns } from './turn.ts';
import type { TypeDescription } from '../channel/type-description.ts';
import type { RunnerKind } from '../channel/runner-kind.ts';
import type { ProcessWatch } from './vessel.ts';

/** What a runner says that goes on to its host. */
type MessageToHost = Extract<
  MessageFromRunner,
  { readonly kind: 'call' | 'progress' | 'measurements' | 'spans' | 'log' }
>;

type ReplyToRunner = Extract<MessageToRunner, { readonly kind: 'reply' }>;

/** What the executor does for the hooks in a runner. */
export interface RunnerHost {
  /** Answers a hook's call; what it throws reaches the hook with its code. */
  call(runId: string, call: HostCall): Promise<unknown>;
  progress(runs: readonly RunProgress[]): void;
  /** Ends of runs, in the order in which they came to them. */
  settled(ends: readonly RunEnd[]): void;
  /** Nothing runs in it, and whether it may be another task's is known: `isReusable` says so. */
  checked(): void;
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
  /** The runner ended by itself or by its limits, and not by `terminate`. What ran in it is settled with this error already. */
  crashed(error: ErrorData): void;
}

export interface RunnerOptions {
  readonly setup: RunnerSetup;
  /** The executor's settings by task type. The runner gets those of its own. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What the executor has. The runner gets of it what its run's type declared for the task's meta, with the run. */
  readonly urls: ConnectionUrls;
  /** What it lives in. Default `thread`. */
  readonly kind?: RunnerKind;
  /** Told of the process that it lives in. Default: nobody is. */
  readonly watch?: ProcessWatch;
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

/** A worker thread or a process with a loaded task type. Belongs to one task at a time. */
export interface Runner {
  readonly kind: RunnerKind;
  readonly type: TypeDescription;
  /** Who gets calls and results; the executor sets it when the runner is given to a task. */
  host: RunnerHost;
  /** Runs a hook; its end comes as `host.settled`, also when the runner has ended already. */
  start(run: RunSpec): void;
  /**
   * Runs hooks one after the other, in a thread with one message and few answers: for small subtasks that may be run again. Their ends come
   * some milliseconds late. When the runner ends, only the run that was under way is settled as crashed; the others are blameless.
   */
  startTurn(runs: readonly RunSpec[]): Pick<TurnOfRuns, 'takeBack'>;
  /** Asks a hook to end. It has until the executor's patience ends. */
  abort(runId: string, reason: StopReason): void;
  /**
   * Tells the running subtasks of a task what changed.
   *
   * @returns whether it conforms: false when slots were to be changed and the type has no hook for that.
   * @throws {TaskTypeError} what the type's hooks throw; RUNNER_CRASHED when the runner ends meanwhile.
   */
  modify(change: RunningTaskChange): Promise<boolean>;
  /** The task is over here. Resolves once its step executors are cleaned up, or the runner has ended. */
  endTask(taskId: string): Promise<void>;
  /** Ends the runner at once, also one that blocks; what runs in it is settled as crashed. */
  terminate(): Promise<void>;
  readonly isAlive: boolean;
  /**
   * Looks whether its globals are as they were, which takes a third of a millisecond. Told to the host, unless something is started meanwhile. Does
   * nothing while something runs.
   */
  check(): void;
  /** Whether another task of the type may run in it after this one. False while something runs, and afterwards until it was looked at. */
  readonly isReusable: boolean;
  /** How many hooks it runs now. */
  readonly runs: number;
}

/** How often the parent looks at a runner's memory, in milliseconds: a leak of 100 MB/s is caught within its slot's share. */
const MEMORY_CHECK_MS = 1_000;

const DEFAULT_LOAD_TIMEOUT_MS = 60_000;

const NO_HOST: RunnerHost = {
  call: () => Promise.reject(new LongshoreError('INTERNAL', 'the runner belongs to no task')),
  progress: () => undefined,
  settled: () => undefined,
  checked: () => undefined,
  spans: () => undefined,
  measured: () => undefined,
  log: () => undefined,
  crashed: () => undefined,
};

/**
 * Starts a worker thread or a process and loads a task type in it.
 *
 * @throws {LongshoreError} PLUGIN_LOAD_FAILED, PLUGIN_INVALID, PLUGIN_CONTRACT, PLUGIN_SETTINGS_INVALID, or RUNNER_CRASHED when it ends
 * while it loads or doesn't come to an end with it.
 */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const { kind = 'thread', loadTimeoutMs = DEFAULT_LOAD_TIMEOUT_MS } = options;
  /** What runs, with the turn that it is part of. */
  const runs = new Map<string, { readonly run: RunSpec; readonly turn: TurnOfRuns | null }>();
  let connections = new TaskConnections(options.urls, false);
  const changes = new Map<number, PromiseWithResolvers<boolean>>();
  let lastChange = 0;
  const endings = new Map<number, () => void>();
  let lastEnding = 0;
  let isAlive = true;
  /** Whether it was told to end. */
  let isWanted = false;
  let isBroken = false;
  let isReady = false;
  /** The type whose settings it asked for. */
  let named: string | null = null;
  let isReusable = true;
  /** Whether its globals were looked at since something ran last. */
  let isChecked = true;
  let lastCheck = 0;
  let reason: ErrorData | null = null;
  let host = NO_HOST;

  const loaded = Promise.withResolvers<TypeDescription>();
  const vessel = openVessel(kind, options, {
    message: (message) => {
      try {
        hear(message);
      } catch (error) {
        // Whoever stumbles over what a plugin says must not fall: it would take the executor along.
        breakOff(describe(error));
      }
    },
    // What can't be taken apart here (a value of thousands of levels) may have been anything, the end of a run too.
    unreadable: (cause) => breakOff(describe(cause)),
    failed: (cause) => {
      reason = crashError(cause);
      loaded.reject(
        new LongshoreError('RUNNER_CRASHED', `the runner ended while loading: ${describe(cause)}`, { cause }),
      );
    },
    ended: (how) => {
      loaded.reject(new LongshoreError('RUNNER_CRASHED', `the runner ended while loading: ${how}`));
      end(reason ?? crashed(how));
    },
  });
  const post = (message: MessageToRunner): void => vessel.post(message);

  const flood = new LogLimit(MESSAGE_RATE);
  const lines = new LogLimit({ perSecond: 2 * LINE_RATE.perSecond, atOnce: 2 * LINE_RATE.atOnce });
  /** Runs that have said something that they may not: that is what they end with. */
  const faults = new Map<string, ErrorData>();

  function hear(raw: unknown): void {
    // What comes after something that can't be read is not to be relied upon either.
    if (isBroken) return;
    if (!flood.take()) {
      breakOff(`it sends more than ${MESSAGE_RATE.perSecond.toLocaleString('en-US')} messages a second`);
      return;
    }
    const heard = readMessage(raw);
    if (heard === 'nothing') return;
    if ('broken' in heard) {
      breakOff(heard.broken);
      return;
    }
    for (const [runId, fault] of heard.faults) if (runs.has(runId) && !faults.has(runId)) faults.set(runId, fault);
    receive(heard.message);
  }

  function breakOff(why: string): void {
    isBroken = true;
    loaded.reject(new LongshoreError('PLUGIN_INVALID', `${options.setup.packageName} can't be described: ${why}`));
    reason ??= crashed(`it sent a message that can't be read: ${why}`);
    clearInterval(watch);
    void vessel.terminate();
  }

  /** Each run has one end: a second one, or one of a run that nobody started, is none. */
  function settle(ends: readonly RunEnd[]): void {
    const told = ends.flatMap((end) => {
      const ended = runs.get(end.runId);
      if (ended === undefined) return [];
      runs.delete(end.runId);
      ended.turn?.ended(end.runId);
      const fault = faults.get(end.runId);
      faults.delete(end.runId);
      return [fault === undefined ? end : failedEnd(end.runId, fault)];
    });
    if (told.length === 0) return;
    host.settled(told);
  }

  function checkGlobals(): void {
    if (isAlive && isReusable && runs.size === 0) post({ kind: 'check-globals', checkId: ++lastCheck });
  }

  function receive(message: MessageFromRunner): void {
    switch (message.kind) {
      case 'named':
        // The first name counts: another type's settings are none of its business.
        if (named !== null) return;
        named = message.type;
        post({ kind: 'settings', value: Object.hasOwn(options.settings, named) ? options.settings[named] : {} });
        return;
      case 'ready':
        // Said once: plugin code may say it again.
        if (isReady) return;
        isReady = true;
        if (named !== null && named !== message.type.type) {
          breakOff(`it named the type ${named} and offers ${message.type.type}`);
          return;
        }
        if (message.warning !== null) options.onWarning?.(message.warning);
        connections = new TaskConnections(options.urls, message.declaresConnections);
        loaded.resolve(message.type);
        return;
      case 'load-failed':
        loaded.reject(errorOfData(message.error));
        return;
      case 'failed':
        reason = crashed(message.message);
        return;
      case 'settled':
        settle(message.ends);
        return;
      case 'log':
        // The runner limits itself; plugin code can go around that.
        if (lines.take()) dispatch(host, message, post);
        return;
      case 'globals-checked':
        if (message.isChanged) isReusable = false;
        // Something may have been started meanwhile: it is looked at again then.
        isChecked = message.checkId === lastCheck && runs.size === 0;
        if (isChecked) host.checked();
        return;
      case 'declare': {
        const { callId, runId, names } = message;
        post({ kind: 'reply', callId, ...declare(runId, names) });
        return;
      }
      case 'modified': {
        const answer = changes.get(message.changeId);
        changes.delete(message.changeId);
        if (message.error === undefined) answer?.resolve(message.isConformed);
        else answer?.reject(errorOfData(message.error));
        return;
      }
      case 'task-ended':
        endings.get(message.endId)?.();
        endings.delete(message.endId);
        return;
      case 'call':
      case 'progress':
      case 'measurements':
      case 'spans':
        dispatch(host, message, post);
    }
  }

  function declare(runId: string, names: readonly string[]): Pick<ReplyToRunner, 'value' | 'error'> {
    try {
      const known = runs.get(runId);
      if (known === undefined)
        throw new LongshoreError('STATE_CONFLICT', `subtask ${runId} does not run here any more`);
      return { value: connections.declare(known.run, names) };
    } catch (thrown) {
      return { error: toErrorData(thrown) };
    }
  }

  function startOne(run: RunSpec): void {
    post({ kind: 'start', run, connections: connections.of(run) });
  }

  function end(error: ErrorData): void {
    isAlive = false;
    clearInterval(watch);
    reason = error;
    const ends = [...runs].map(([runId, { turn }]) =>
      crashEnd(runId, error, { isBlameless: turn !== null && turn.underWay !== runId, isCrash: !isWanted }),
    );
    runs.clear();
    for (const answer of changes.values()) answer.reject(errorOfData(error));
    changes.clear();
    for (const ended of endings.values()) ended();
    endings.clear();
    if (ends.length > 0) host.settled(ends);
    if (!isWanted) host.crashed(error);
  }

  const watch = setInterval(() => void checkMemory(), MEMORY_CHECK_MS).unref();
  let isMeasuring = false;
  const checkMemory = async (): Promise<void> => {
    // One that is busy answers late: one question at a time, and none to one that is being ended.
    if (isMeasuring) return;
    isMeasuring = true;
    const used = await vessel.memory();
    isMeasuring = false;
    if (used === null || used <= options.memoryBytes) return;
    reason = crashed(`it used ${toMiB(used)} MiB, its slots buy ${toMiB(options.memoryBytes)} MiB`);
    clearInterval(watch);
    await vessel.terminate();
  };

  const loading = setTimeout(() => loaded.reject(loadTimeout(options.setup.packageName, loadTimeoutMs)), loadTimeoutMs);
  const type = await loaded.promise
    .catch(async (error: unknown) => {
      isWanted = true;
      await vessel.terminate();
      throw error;
    })
    .finally(() => clearTimeout(loading));

  if (type.isReused === false) isReusable = false;

  return {
    kind,
    type,
    get host() {
      return host;
    },
    set host(next) {
      host = next;
    },
    start: (run) => {
      if (!isAlive) {
        // Nobody would answer. Later, like every other end, so that the caller has noted what it started.
        queueMicrotask(() => host.settled([crashEnd(run.runId, reason ?? crashed('it had ended before'))]));
        return;
      }
      isChecked = false;
      runs.set(run.runId, { run, turn: null });
      startOne(run);
    },
    startTurn: (inTurn) => {
      if (!isAlive) {
        const error = reason ?? crashed('it had ended before');
        const ends = inTurn.map(({ runId }) => crashEnd(runId, error, { isBlameless: true }));
        queueMicrotask(() => host.settled(ends));
        return { takeBack: () => [] };
      }
      const [first] = inTurn;
      const turn =
        kind === 'thread'
          ? sharedTurn(inTurn, first === undefined ? null : connections.of(first), post)
          : new QueuedTurn(inTurn, startOne);
      isChecked = false;
      for (const run of inTurn) runs.set(run.runId, { run, turn });
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
    check: checkGlobals,
    endTask: (taskId) => {
      connections.forget(taskId);
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
      await vessel.terminate();
    },
    get isReusable() {
      return isReusable && isChecked;
    },
    get isAlive() {
      return isAlive;
    },
    get runs() {
      return runs.size;
    },
  };
}

/** A turn whose runs the thread begins by itself. */
function sharedTurn(
  runs: readonly RunSpec[],
  connections: RunConnections | null,
  post: (message: MessageToRunner) => void,
): TurnOfRuns {
  const memory = turnMemory();
  post({ kind: 'start-turn', runs, connections, memory });
  return new Turn(runs, memory);
}

function dispatch(host: RunnerHost, message: MessageToHost, post: (message: MessageToRunner) => void): void {
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
  }
}
