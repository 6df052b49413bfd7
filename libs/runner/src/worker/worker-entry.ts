import { SUBTASK_KINDS, toErrorData, toJsonData } from '@longshore/core';
import { areFaultsOn, faultPoint } from '@longshore/faults';
import { stopReason, SubtaskPostponed, SubtaskStopped } from '@longshore/sdk';
import { withinAttempt } from '@longshore/telemetry/worker';
import { describeError } from './describe-error.ts';
import { openHookContext, type OpenContext } from './hook-context.ts';
import { GlobalsWatch } from './globals-watch.ts';
import { takeMeasurements } from './hook-telemetry.ts';
import { connectHost } from '../parent/host.ts';
import { askForSettings } from './ask-for-settings.ts';
import { loadTaskType, type LoadedType } from './load-task-type.ts';
import type {
  MessageToRunner,
  Postponed,
  RunConnections,
  RunEnd,
  RunningTaskChange,
  RunSpec,
  Settled,
} from '../channel/messages.ts';
import { modifyTask } from './modify-task.ts';
import { readableThrown } from './readable-thrown.ts';
import { ProgressMeter } from './progress-meter.ts';
import { askForConnections, NO_CONNECTIONS, type Declared } from './run-connections.ts';
import { RunEnds } from '../parent/run-ends.ts';
import { runHook, type RunReports } from './run-hook.ts';
import { RunSummary } from './run-summary.ts';
import { openPort } from './runner-port.ts';
import { SignsOfLife } from './signs-of-life.ts';
import { flushRunSpans } from './run-spans.ts';
import { StepExecutors } from './step-executors.ts';
import { TurnOfRunner } from '../parent/turn.ts';
import { describeType } from '../channel/type-description.ts';
import { WaitingReasons } from './waiting-reasons.ts';

/** The least time between two reports of progress, in milliseconds. */
const PROGRESS_MS = 1_000;

const port = await openPort();
const { setup } = port;
const host = connectHost(port);
/** Null: the type is not loaded yet. */
let globals: GlobalsWatch | null = null;
const NONE: Declared = { connections: NO_CONNECTIONS };
const active = new Map<
  string,
  RunReports & { readonly run: RunSpec; readonly abort: AbortController; declared: Declared }
>();

try {
  const loaded = await loadTaskType(setup, (type) => askForSettings(port, type));
  // What `init` says counts for the subtask that initialises.
  const executors = new StepExecutors(loaded, (run, signal) => {
    const { declared, ...reports } = active.get(run.runId) ?? { ...newReports(run, loaded), declared: NONE };
    return openHookContext(setup, loaded, run, host, signal, reports, declared, false);
  });
  port.onMessage((message) => receive(message, loaded, executors));
  setInterval(reportProgress, PROGRESS_MS).unref();
  setInterval(() => void reportMeasurements(), PROGRESS_MS).unref();
  globals = new GlobalsWatch();
  const declaresConnections = loaded.connectionsOf !== null;
  host.send({ kind: 'ready', type: describeType(loaded.type), warning: loaded.warning, declaresConnections });
} catch (thrown) {
  host.send({ kind: 'load-failed', error: toErrorData(thrown, 'PLUGIN_INVALID') });
}

function receive(message: MessageToRunner, loaded: LoadedType, executors: StepExecutors): void {
  switch (message.kind) {
    case 'start':
      void start(message.run, message.connections, loaded, executors).then((end) =>
        host.send({ kind: 'settled', ends: [end] }),
      );
      return;
    case 'start-turn':
      void startTurn(new TurnOfRunner(message.runs, message.memory), message.connections, loaded, executors);
      return;
    case 'abort':
      active.get(message.runId)?.abort.abort(new SubtaskStopped(message.reason));
      return;
    case 'reply':
      host.answer(message.callId, message.value, message.error);
      return;
    case 'modify':
      void modify(message.changeId, message.change, executors);
      return;
    case 'end-task':
      void endTask(message.endId, message.taskId, executors);
      return;
    case 'settings':
      // Asked for before anything else, by whoever loaded the type.
      return;
    case 'check-globals':
      host.send({ kind: 'globals-checked', checkId: message.checkId, isChanged: globals?.isChanged() === true });
      return;
  }
}

async function endTask(endId: number, taskId: string, executors: StepExecutors): Promise<void> {
  await executors.endTask(taskId, (error) => {
    const fields = { error: toErrorData(error) };
    host.log({ runId: '', level: 'warn', message: 'cleanup failed', fields });
  });
  host.send({ kind: 'task-ended', endId });
}

async function modify(changeId: number, change: RunningTaskChange, executors: StepExecutors): Promise<void> {
  const runs = [...active.values()].map((one) => one.run);
  const answer = await modifyTask(change, runs, executors).then(
    (isConformed) => ({ isConformed }),
    (thrown: unknown) => ({ isConformed: false, error: toErrorData(thrown, 'SUBTASK_FAILED') }),
  );
  host.send({ kind: 'modified', changeId, ...answer });
}

function start(
  run: RunSpec,
  given: RunConnections | null,
  loaded: LoadedType,
  executors: StepExecutors,
): Promise<RunEnd> {
  return withinAttempt(run.runId, run.trace, () => runToEnd(run, given, loaded, executors));
}

async function startTurn(
  turn: TurnOfRunner,
  given: RunConnections | null,
  loaded: LoadedType,
  executors: StepExecutors,
): Promise<void> {
  const ends = new RunEnds(host);
  for (let run = turn.begin(); run !== undefined; run = turn.begin()) {
    const end = await start(run, given, loaded, executors);
    turn.done();
    ends.add(end);
  }
  ends.flush();
}

async function runToEnd(
  run: RunSpec,
  given: RunConnections | null,
  loaded: LoadedType,
  executors: StepExecutors,
): Promise<RunEnd> {
  const began = performance.now();
  const abort = new AbortController();
  const reports = newReports(run, loaded);
  const { summary } = reports;
  const entry = { ...reports, run, abort, declared: given === null ? NONE : { connections: given } };
  active.set(run.runId, entry);
  // Before anything of the task runs here: the executor takes the first answer alone.
  if (given === null) entry.declared = await askForConnections(run, loaded, host);
  const opened = openHookContext(setup, loaded, run, host, abort.signal, reports, entry.declared, true);
  const settled = await settle(run, loaded, executors, opened, reports, abort.signal);
  await opened.close();
  active.delete(run.runId);
  reports.waiting.end();
  flushRunSpans(run.runId);
  const time = { beganAt: performance.timeOrigin + began, ranMs: performance.now() - began };
  return { runId: run.runId, settled, time, summary: summary.end() };
}

function newReports({ runId, kept }: RunSpec, { type }: LoadedType): RunReports {
  const summary = new RunSummary(runId, (error) => warn(runId, 'the summary of a subtask failed', error));
  // A type of an older SDK adds by itself what its checkpoint had.
  const progress = new ProgressMeter(type.continuesProgress === true ? kept : undefined);
  return { progress, waiting: new WaitingReasons(), life: new SignsOfLife(), summary };
}

async function settle(
  run: RunSpec,
  loaded: LoadedType,
  executors: StepExecutors,
  opened: OpenContext,
  reports: RunReports,
  signal: AbortSignal,
): Promise<Settled> {
  const { progress } = reports;
  const began = performance.now();
  try {
    // It may have been asked to stop while its connections were on their way.
    signal.throwIfAborted();
    // The fences of a task are opened by its first control subtask, and by nothing after it.
    const isFirst = SUBTASK_KINDS[run.kind].claimableIn.includes('pending') && run.task.step === null;
    if (isFirst) await opened.openFences();
    if (areFaultsOn) await faultPoint('hook.before');
    const result = await runHook(run, loaded.type, opened, executors, reports, host);
    return { ok: true, result, rows: progress.rows, bytes: progress.bytes };
  } catch (value) {
    const thrown = readableThrown(value);
    const away = opened.awayTarget(thrown);
    return {
      ok: false,
      error: describeError(thrown, loaded.type, run, (message, error) => warn(run.runId, message, error)),
      stopped: stopReason(signal),
      postponed: postponedOf(thrown),
      targetAway: away === null ? null : { ...away, ranMs: performance.now() - began },
      rows: progress.rows,
      bytes: progress.bytes,
      kept: progress.keptByBatches,
    };
  }
}

function postponedOf(thrown: unknown): Postponed | null {
  if (!SubtaskPostponed.is(thrown)) return null;
  const { reason, afterMs } = thrown;
  return { code: reason.code, message: reason.message, afterMs };
}

function warn(runId: string, message: string, error: unknown): void {
  host.log({ runId, level: 'warn', message, fields: { error: toJsonData(error) } });
}

async function reportMeasurements(): Promise<void> {
  const measurements = await takeMeasurements();
  if (measurements.length > 0) host.send({ kind: 'measurements', measurements });
}

function reportProgress(): void {
  const runs = [...active]
    // All are asked: asking counts as reporting.
    .filter(([, { progress, waiting, life, summary }]) =>
      [progress.takeChange(), waiting.takeChange(), life.takeChange(), summary.takeChange()].includes(true),
    )
    .map(([runId, { progress, waiting, life, summary }]) => ({
      runId,
      rows: progress.rows,
      bytes: progress.bytes,
      kept: progress.keptByBatches,
      phase: progress.currentPhase,
      waiting: waiting.current ?? life.waiting,
      ...(life.isResting && { isResting: true }),
      summary: summary.current,
    }));
  if (runs.length > 0) host.send({ kind: 'progress', runs });
  const dropped = host.takeDroppedLines();
  if (dropped === 0) return;
  const message = 'log lines of a runner were left out: it logs too fast';
  host.send({ kind: 'log', runId: '', level: 'warn', message, fields: { dropped } });
}
