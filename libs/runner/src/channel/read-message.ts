import { jsonFault, parseSummary, storableText, type ErrorData } from '@longshore/core';
import type { SpanData } from '@longshore/telemetry';
import type { z } from 'zod';
import {
  callFromRunner,
  declared,
  failedWith,
  globalsChecked,
  loadFailed,
  logLine,
  measurement,
  modified,
  named,
  ready,
  runEnd,
  runProgress,
  span,
  taskEnded,
} from './message-shapes.ts';
import type { MessageFromRunner, RunEnd } from './messages.ts';

/** What came out of a runner. */
export type Heard =
  /** @property faults runs of which something was said that may not be. */
  | { readonly message: MessageFromRunner; readonly faults: ReadonlyMap<string, ErrorData> }
  /** It is no message of ours, or one that says nothing: plugin code may post its own. */
  | 'nothing'
  /** It has the name of a message of ours and can't be read: the runner can't be relied upon any more. */
  | { readonly broken: string };

/**
 * Reads a message of a runner. What can be read is used, and what is wrong is the fault of the run that it is about, and of no other.
 *
 * @returns never throws, whatever the value is.
 */
export function readMessage(value: unknown): Heard {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return 'nothing';
  const raw = value as Readonly<Record<string, unknown>>;
  switch (raw['kind']) {
    case 'progress':
      return readProgress(raw['runs']);
    case 'settled':
      return readEnds(raw['ends']);
    case 'call':
      // What is called, and with what, is for whoever answers.
      return whole(callFromRunner, raw, (read) => ({ kind: 'call', ...read }) as MessageFromRunner);
    case 'declare':
      return whole(declared, raw, (read) => ({ kind: 'declare', ...read }));
    case 'modified':
      return whole(modified, raw, ({ error, ...read }) => ({ kind: 'modified', ...read, ...(error && { error }) }));
    case 'task-ended':
      return whole(taskEnded, raw, (read) => ({ kind: 'task-ended', ...read }));
    case 'globals-checked':
      return whole(globalsChecked, raw, (read) => ({ kind: 'globals-checked', ...read }));
    case 'named':
      return whole(named, raw, (read) => ({ kind: 'named', ...read }));
    case 'ready':
      return whole(ready, raw, (read) => ({ kind: 'ready', ...read }) as MessageFromRunner);
    case 'load-failed':
      return whole(loadFailed, raw, (read) => ({ kind: 'load-failed', ...read }));
    case 'failed':
      return whole(failedWith, raw, (read) => ({ kind: 'failed', ...read }));
    case 'log': {
      const read = logLine.safeParse(raw);
      return read.success ? heard({ kind: 'log', ...read.data }) : 'nothing';
    }
    case 'measurements':
      return heard({ kind: 'measurements', measurements: eachReadable(measurement, raw['measurements']) });
    case 'spans': {
      const { runId } = raw;
      if (typeof runId !== 'string') return 'nothing';
      const spans: readonly unknown[] = eachReadable(span, raw['spans']);
      return heard({ kind: 'spans', runId, spans: spans as readonly SpanData[] });
    }
    default:
      return 'nothing';
  }
}

const NO_FAULTS: ReadonlyMap<string, ErrorData> = new Map();

function heard(message: MessageFromRunner, faults = NO_FAULTS): Heard {
  return { message, faults };
}

function whole<T>(schema: z.ZodType<T>, raw: unknown, messageOf: (read: T) => MessageFromRunner): Heard {
  const read = schema.safeParse(raw);
  return read.success ? heard(messageOf(read.data)) : { broken: reasonOf(read.error) };
}

function eachReadable<T>(schema: z.ZodType<T>, items: unknown): T[] {
  const readable: T[] = [];
  if (!Array.isArray(items)) return readable;
  for (const item of items as readonly unknown[]) {
    // A hole: an array with one item can have 2^32 places.
    if (item === undefined) break;
    const read = schema.safeParse(item);
    if (read.success) readable.push(read.data);
  }
  return readable;
}

function readProgress(runs: unknown): Heard {
  if (!Array.isArray(runs)) return { broken: 'its progress is no list' };
  const faults = new Map<string, ErrorData>();
  const told = [];
  for (const run of runs as readonly unknown[]) {
    const read = runProgress.safeParse(run);
    if (read.success) told.push(read.data);
    else {
      const runId = runIdOf(run);
      if (runId === null) return { broken: 'its progress names no subtask' };
      faults.set(runId, reportInvalid(runId, 'its progress', read.error));
    }
  }
  return heard({ kind: 'progress', runs: told }, faults);
}

function readEnds(ends: unknown): Heard {
  if (!Array.isArray(ends)) return { broken: 'its ends are no list' };
  const told: RunEnd[] = [];
  for (const end of ends as readonly unknown[]) {
    const success = readSuccess(end);
    if (success !== null) {
      told.push(success);
      continue;
    }
    const read = runEnd.safeParse(end);
    if (read.success) told.push(read.data as RunEnd);
    else {
      const runId = runIdOf(end);
      if (runId === null) return { broken: 'an end names no subtask' };
      told.push(failedEnd(runId, reportInvalid(runId, 'its end', read.error)));
    }
  }
  return heard({ kind: 'settled', ends: told });
}

/**
 * Reads the end of a run that succeeded, as nearly all do: what the shape says, in about half of its 4 µs, which a node with thousands of
 * small subtasks a second would notice.
 *
 * @returns null when it is anything else, or something is wrong with it: then the shape says what.
 */
function readSuccess(value: unknown): RunEnd | null {
  const { runId, settled, time, summary } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof runId !== 'string' || typeof settled !== 'object' || settled === null) return null;
  const { ok, result, rows, bytes } = settled as Readonly<Record<string, unknown>>;
  if (ok !== true || !isAmount(rows) || !isAmount(bytes) || jsonFault(result) !== null) return null;
  const read: RunEnd = { runId, settled: { ok: true, result, rows, bytes }, time: readTime(time) };
  return summary === undefined ? read : { ...read, summary: parseSummary(summary) };
}

function readTime(value: unknown): RunEnd['time'] {
  const { beganAt, ranMs } = (value ?? {}) as { readonly beganAt?: unknown; readonly ranMs?: unknown };
  const isTime = (part: unknown): part is number =>
    typeof part === 'number' && part >= 0 && part < Number.POSITIVE_INFINITY;
  return isTime(beganAt) && isTime(ranMs) ? { beganAt, ranMs } : null;
}

function isAmount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The end of a run that said something that it may not. */
export function failedEnd(runId: string, error: ErrorData): RunEnd {
  return { runId, settled: { ok: false, error, stopped: null, rows: 0, bytes: 0 }, time: null };
}

function runIdOf(value: unknown): string | null {
  const { runId } = (typeof value === 'object' && value !== null ? value : {}) as { readonly runId?: unknown };
  return typeof runId === 'string' ? runId : null;
}

function reportInvalid(runId: string, what: string, error: z.ZodError): ErrorData {
  const message = storableText(`subtask ${runId}: ${what} is not as it may be: ${reasonOf(error)}`).slice(0, 1_000);
  return { code: 'REPORT_INVALID', message, permanent: true };
}

function reasonOf(error: z.ZodError): string {
  const [first] = error.issues;
  if (first === undefined) return error.message;
  return first.path.length === 0 ? first.message : `${first.path.map(String).join('.')}: ${first.message}`;
}
