import { isPlannedKind, toJsonData, type HealthGate } from '@longshore/core';
import { openTarget, type OpenTarget } from '@longshore/effects';
import {
  TaskTypeError,
  type FinishedSubtask,
  type HookContext,
  type Logger,
  type TargetConnection,
  type WaitingReason,
} from '@longshore/sdk';
import { hookMeter, hookTracer } from './hook-telemetry.ts';
import type { Host } from '../parent/host.ts';
import type { LoadedType } from './load-task-type.ts';
import { notDeclared } from '../channel/declared-connections.ts';
import type { RunConnections, RunnerSetup, RunSpec } from '../channel/messages.ts';
import type { Declared } from './run-connections.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { SignsOfLife } from './signs-of-life.ts';
import type { WaitingReasons } from './waiting-reasons.ts';

/** Causes of an error that are looked through, at most: an error can be its own cause. */
const MOST_CAUSES = 16;

/** What a hook says of itself while it goes on. */
export interface HookReports {
  readonly progress: ProgressMeter;
  readonly waiting: WaitingReasons;
  readonly life: SignsOfLife;
}

/** A hook's context, and what it opened. */
export interface OpenContext {
  readonly context: HookContext;
  /** Opens the task's fences in the targets that its type declares: before the first hook of a task. */
  openFences(): Promise<void>;
  /** The connection whose target could not be reached, where that is what was thrown, or its cause; null: it isn't. */
  awayTarget(thrown: unknown): { readonly connection: string; readonly message: string } | null;
  /**
   * The connection that a gate of the task is read through. A query runs by a connection that the operator has named for gates, and by no
   * other, because anybody who submits a task may write one.
   *
   * @throws {TaskTypeError} CONNECTION_UNKNOWN when there is none for it.
   */
  gateConnection(gate: HealthGate): TargetConnection;
  close(): Promise<void>;
}

/**
 * Builds what every hook gets.
 *
 * @param declared the connections that it may have; they are forgotten when it is closed.
 * @param isOfRun whether it ends with its run. Otherwise it outlives it, for the step's executor.
 */
export function openHookContext(
  setup: RunnerSetup,
  loaded: LoadedType,
  run: RunSpec,
  host: Host,
  signal: AbortSignal,
  { progress, waiting, life }: HookReports,
  declared: Declared,
  isOfRun: boolean,
): OpenContext {
  let mine: Declared | null = declared;
  const awayErrors = new WeakMap<Error, string>();
  const targets = new Map<string, OpenTarget>();
  let undoBegun: Promise<unknown> | undefined;
  const beginUndo = async (): Promise<void> => {
    undoBegun ??= host.call(run.runId, { method: 'begin-undo' });
    await undoBegun;
  };
  const openAt = (key: string, name: string, url: string): OpenTarget => {
    const known = targets.get(key);
    if (known !== undefined) return known;
    const owner = {
      clusterId: setup.clusterId,
      taskId: run.task.id,
      taskKey: run.task.key,
      subtaskId: run.runId,
      step: isPlannedKind(run.kind) ? run.step : '',
      attempt: run.attempt,
    };
    const raiseAttempt = async (past: number): Promise<number | null> =>
      (await host.call(run.runId, { method: 'raise-attempt', past })) as number | null;
    const away = {
      hasBeenThere: run.task.step !== null,
      onAway: (error: Error) => void awayErrors.set(error, name),
      ...(run.isIdempotent === false &&
        isOfRun && { waitFor: (error: Error) => waiting.begin(awayReason(name, messageOf(error))) }),
    };
    const target = openTarget({
      name,
      url,
      owner,
      signal,
      fenceGraceMs: setup.fenceGraceMs,
      raiseAttempt,
      away,
      ...(run.kind === 'revert' && { beforeUse: beginUndo }),
      ...(isPlannedKind(run.kind) && { batchMarks: progress }),
      // Work is stalled by what its task says of it, whatever statement it is at.
      ...(!isPlannedKind(run.kind) && { onStatement: () => life.statement(name) }),
    });
    targets.set(key, target);
    return target;
  };
  const mineNow = (): RunConnections => {
    if (mine !== null) return mine.connections;
    throw new TaskTypeError(
      'CONNECTION_UNKNOWN',
      `the hook of ${loaded.type.type} is over, and has no connection any more`,
    );
  };
  const open = (name: string): OpenTarget => {
    const { urls, missing, known } = mineNow();
    const url = named(urls, name);
    if (url !== undefined) return openAt(name, name, url);
    if (mine?.failure !== undefined) throw mine.failure.thrown;
    throw new TaskTypeError(
      'CONNECTION_UNKNOWN',
      missing.includes(name)
        ? `executor ${setup.nodeId} has no connection ${JSON.stringify(name)}; it has: ${known.join(', ') || 'none'}`
        : notDeclared(loaded.type.type, name),
    );
  };
  const names = (): readonly string[] => [...Object.keys(mineNow().urls), ...mineNow().missing];
  const gateConnection = ({ kind, connection: name }: HealthGate): TargetConnection => {
    const url = named(mineNow().gateUrls, name);
    if (url !== undefined) return openAt(`gates ${name}`, name, url).connection;
    if (kind !== 'query' && names().includes(name)) return open(name).connection;
    throw new TaskTypeError(
      'CONNECTION_UNKNOWN',
      `executor ${setup.nodeId} has no connection ${JSON.stringify(name)} for gates; its operator sets LONGSHORE_GATE_CONNECTION_${name.toUpperCase()}`,
    );
  };
  return {
    context: {
      task: run.task,
      settings: loaded.settings,
      nodeId: setup.nodeId,
      attempt: run.attempt,
      signal,
      logger: hookLogger(host, run.runId),
      progress,
      waiting: (reason) => waiting.begin(reason),
      tracer: hookTracer(setup.packageName),
      meter: hookMeter(),
      connection: (name) => open(name).connection,
      previousSubtasks: (step) => previousSubtasks(host, run.runId, step),
    },
    openFences: async () => {
      if (declared.failure !== undefined) throw declared.failure.thrown;
      await Promise.all(names().map((name) => open(name).openFence()));
    },
    awayTarget: (thrown) => {
      let error = thrown;
      for (let depth = 0; depth < MOST_CAUSES && error instanceof Error; depth++) {
        const name = awayErrors.get(error);
        if (name !== undefined) return { connection: name, message: awayReason(name, messageOf(error)).message };
        error = error.cause;
      }
      return null;
    },
    gateConnection,
    close: async () => {
      mine = null;
      const open = [...targets.values()];
      targets.clear();
      await Promise.allSettled(open.map((target) => target.close()));
    },
  };
}

function awayReason(name: string, message: string): WaitingReason {
  return { code: 'TARGET_UNAVAILABLE', message: `connection ${JSON.stringify(name)}: ${message}` };
}

/** An error of several addresses has a text for each alone. */
function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
}

/** By a name from outside: one that every object has is no connection. */
function named(connections: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(connections, name) ? connections[name] : undefined;
}

async function* previousSubtasks(host: Host, runId: string, step: string): AsyncGenerator<FinishedSubtask> {
  let afterOrdinal = 0;
  for (;;) {
    const page = (await host.call(runId, { method: 'previous', step, afterOrdinal })) as readonly FinishedSubtask[];
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    afterOrdinal = last.ordinal;
  }
}

/** Longest message and largest fields of a log line, in characters: what is beyond is left out. */
const MAX_MESSAGE = 4_000;
const MAX_FIELDS = 16 * 1024;

/** Whatever a hook calls a message. */
function textOf(message: unknown): string {
  return typeof message === 'string' ? message : JSON.stringify(toJsonData(message) ?? null);
}

function fieldsOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const data = toJsonData({ ...fields }) as Record<string, unknown>;
  const { length } = JSON.stringify(data);
  return length <= MAX_FIELDS ? data : { omitted: `the fields have ${length} characters; the limit is ${MAX_FIELDS}` };
}

function hookLogger(host: Host, runId: string): Logger {
  const log =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      host.log({ runId, level, message: textOf(message).slice(0, MAX_MESSAGE), fields: fieldsOf(fields) });
    };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
