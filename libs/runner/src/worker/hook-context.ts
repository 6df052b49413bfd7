import { isPlannedKind, toJsonData } from '@longshore/core';
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
import type { RunnerSetup, RunSpec } from '../channel/messages.ts';
import type { WaitingReasons } from './waiting-reasons.ts';

/** Causes of an error that are looked through, at most: an error can be its own cause. */
const MOST_CAUSES = 16;

/** A hook's context, and what it opened. */
export interface OpenContext {
  readonly context: HookContext;
  /** Opens the task's fences in the targets that its type declares: before the first hook of a task. */
  openFences(): Promise<void>;
  /** The connection whose target could not be reached, where that is what was thrown, or its cause; null: it isn't. */
  awayTarget(thrown: unknown): { readonly connection: string; readonly message: string } | null;
  close(): Promise<void>;
}

/** Builds what every hook gets. */
export function openHookContext(
  setup: RunnerSetup,
  loaded: LoadedType,
  run: RunSpec,
  host: Host,
  signal: AbortSignal,
  waiting?: WaitingReasons,
): OpenContext {
  const awayErrors = new WeakMap<Error, string>();
  const targets = new Map<string, OpenTarget>();
  const open = (name: string): OpenTarget => {
    const known = targets.get(name);
    if (known !== undefined) return known;
    const url = setup.connections[name];
    if (url === undefined) {
      throw new TaskTypeError(
        'CONNECTION_UNKNOWN',
        `executor ${setup.nodeId} has no connection ${JSON.stringify(name)}; it has: ${Object.keys(setup.connections).join(', ') || 'none'}`,
      );
    }
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
        waiting !== undefined && { waitFor: (error: Error) => waiting.begin(awayReason(name, messageOf(error))) }),
    };
    const target = openTarget({ name, url, owner, signal, fenceGraceMs: setup.fenceGraceMs, raiseAttempt, away });
    targets.set(name, target);
    return target;
  };
  const connection = (name: string): TargetConnection => open(name).connection;
  return {
    context: {
      task: run.task,
      settings: loaded.settings,
      nodeId: setup.nodeId,
      attempt: run.attempt,
      signal,
      logger: hookLogger(host, run.runId),
      tracer: hookTracer(setup.packageName),
      meter: hookMeter(),
      connection,
      previousSubtasks: (step) => previousSubtasks(host, run.runId, step),
    },
    openFences: async () => {
      const names = loaded.type.connections?.(run.task.meta) ?? [];
      await Promise.all(names.map((name) => open(name).openFence()));
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
    close: async () => {
      await Promise.allSettled([...targets.values()].map((target) => target.close()));
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

function hookLogger(host: Host, runId: string): Logger {
  const log =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      host.send({ kind: 'log', runId, level, message, fields: toJsonData(fields) as Record<string, unknown> });
    };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
