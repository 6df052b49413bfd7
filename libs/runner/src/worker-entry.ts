import { parentPort, workerData } from 'node:worker_threads';
import { toErrorData, type ErrorData } from '@longshore/core';
import { stopReason, SubtaskStopped } from '@longshore/sdk';
import { openHookContext } from './hook-context.ts';
import { connectHost } from './host.ts';
import { loadTaskType, type LoadedType } from './load-task-type.ts';
import type { MessageToRunner, RunnerSetup, RunSpec } from './messages.ts';
import { ProgressMeter } from './progress-meter.ts';
import { runHook } from './run-hook.ts';
import { StepExecutors } from './step-executors.ts';
import { describeType } from './type-description.ts';

/** The least time between two reports of progress, in milliseconds. */
const PROGRESS_MS = 1_000;

const setup = workerData as RunnerSetup;
const host = connectHost();
const active = new Map<string, { readonly abort: AbortController; readonly progress: ProgressMeter }>();

try {
  const loaded = await loadTaskType(setup);
  const executors = new StepExecutors(loaded);
  parentPort?.on('message', (message: MessageToRunner) => receive(message, loaded, executors));
  setInterval(reportProgress, PROGRESS_MS).unref();
  host.send({ kind: 'ready', type: describeType(loaded.type) });
} catch (thrown) {
  host.send({ kind: 'load-failed', error: toErrorData(thrown, 'PLUGIN_INVALID') });
}

function receive(message: MessageToRunner, loaded: LoadedType, executors: StepExecutors): void {
  switch (message.kind) {
    case 'start':
      void start(message.run, loaded, executors);
      return;
    case 'abort':
      active.get(message.runId)?.abort.abort(new SubtaskStopped(message.reason));
      return;
    case 'reply':
      host.answer(message.callId, message.value, message.error);
      return;
    case 'end-task':
      void executors.endTask(message.taskId, (error) =>
        host.send({
          kind: 'log',
          runId: '',
          level: 'warn',
          message: 'cleanup failed',
          fields: { error: toErrorData(error) },
        }),
      );
      return;
  }
}

async function start(run: RunSpec, loaded: LoadedType, executors: StepExecutors): Promise<void> {
  const abort = new AbortController();
  const progress = new ProgressMeter();
  active.set(run.runId, { abort, progress });
  const { context, close } = openHookContext(setup, loaded, run, host, abort.signal);
  const done = { rows: 0, bytes: 0 };
  try {
    const result = await runHook(run, loaded.type, context, executors, progress, host);
    Object.assign(done, { rows: progress.rows, bytes: progress.bytes });
    await close();
    host.send({ kind: 'settled', runId: run.runId, settled: { ok: true, result, ...done } });
  } catch (thrown) {
    await close();
    const stopped = stopReason(abort.signal);
    host.send({
      kind: 'settled',
      runId: run.runId,
      settled: { ok: false, error: describe(thrown, loaded, run), stopped, ...done },
    });
  } finally {
    active.delete(run.runId);
  }
}

/** An error without a word on whether it may pass gets it from the type's hook. */
function describe(thrown: unknown, loaded: LoadedType, run: RunSpec): ErrorData {
  const error = toErrorData(thrown, 'SUBTASK_FAILED');
  if (error.code !== 'SUBTASK_FAILED') return error;
  const { executor, scheduler } = loaded.type;
  const isRetryable = (run.kind === 'work' ? executor.isRetryableError : scheduler.isRetryableError)?.(thrown) ?? true;
  return { ...error, permanent: !isRetryable };
}

function reportProgress(): void {
  const runs = [...active]
    .filter(([, run]) => run.progress.takeChange())
    .map(([runId, { progress }]) => ({ runId, rows: progress.rows, bytes: progress.bytes }));
  if (runs.length > 0) host.send({ kind: 'progress', runs });
}
