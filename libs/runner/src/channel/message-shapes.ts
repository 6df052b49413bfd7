import {
  jsonFault,
  parseSummary,
  STOP_REASONS,
  storableText,
  toErrorData,
  toJsonData,
  type ErrorData,
} from '@longshore/core';
import { z } from 'zod';
import { MAX_CONNECTION_NAME, MAX_CONNECTIONS } from './declared-connections.ts';
import type { RunEnd, RunProgress, Settled } from './messages.ts';

/**
 * Shapes of what a runner says of its runs. Plugin code shares its thread, so nothing that comes out of one is taken on trust: a value that
 * the store refuses would take the results of other tasks with it, and one that a loop stumbles over would end the executor.
 */

/** Longest of each text, in characters; the rest is cut off. */
const MAX_PHASE = 200;
const MAX_CODE = 128;
const MAX_MESSAGE = 4_000;
/** The longest wait that is told or asked for, in milliseconds: a year. */
const MAX_MS = 31_536_000_000;
/** Causes of an error, each within the one before. */
const MAX_CAUSES = 5;

/** The shapes of all fields of a message: one that is missing here would be lost on its way, so it doesn't compile. */
type ShapesOf<Message> = Record<keyof Message, z.ZodType>;
type Succeeded = Extract<Settled, { readonly ok: true }>;
/** Only the parent knows whether a run is blameless, and whether its runner ended by itself. */
type Failed = Omit<Extract<Settled, { readonly ok: false }>, 'isBlameless' | 'isCrash'>;

const text = (most: number) => z.string().transform((value) => storableText(value.slice(0, most)));

/** Rows or bytes: a whole number that a JavaScript number holds exactly. */
const amount = z.int().nonnegative();
const kept = z.object({ rows: amount, bytes: amount }).optional();
const ms = z.number().nonnegative().max(MAX_MS);

/** Counters are decoration: what is none is left out. */
const summary = z.unknown().transform(parseSummary);

const waiting = z.object({ code: text(MAX_CODE), message: text(MAX_MESSAGE), forMs: ms });

/** How far a run is. */
export const runProgress = z.object({
  runId: z.string(),
  rows: amount,
  bytes: amount,
  kept,
  phase: text(MAX_PHASE).nullable(),
  waiting: waiting.nullable(),
  isResting: z.boolean().optional(),
  summary,
} satisfies ShapesOf<RunProgress>);

/** An error in whatever form: what is wrong with it must not hide it. */
const errorData = z.unknown().transform((value) => errorDataOf(value, 0));

function errorDataOf(value: unknown, depth: number): ErrorData {
  if (typeof value !== 'object' || value === null) return toErrorData(value, 'SUBTASK_FAILED');
  const { code, message, permanent, cause, details } = value as Readonly<Record<string, unknown>>;
  const clean = toErrorData(
    Object.assign(new Error(typeof message === 'string' ? message : 'it gave no message'), {
      code: typeof code === 'string' && code !== '' ? code : 'SUBTASK_FAILED',
      permanent: permanent === true,
      ...(details === undefined ? {} : { details }),
    }),
    'SUBTASK_FAILED',
  );
  return cause === undefined || depth >= MAX_CAUSES ? clean : { ...clean, cause: errorDataOf(cause, depth + 1) };
}

const targetAway = z.object({ connection: text(MAX_CODE), message: text(MAX_MESSAGE), ranMs: ms });
const postponed = z.object({ code: text(MAX_CODE), message: text(MAX_MESSAGE), afterMs: ms });

/** A result, as the one rule for JSON has it. */
const json = z.unknown().superRefine((value, context) => {
  const fault = jsonFault(value);
  if (fault !== null) context.addIssue({ code: 'custom', message: `is not JSON: ${fault}` });
});

const succeeded = { ok: z.literal(true), result: json, rows: amount, bytes: amount } satisfies ShapesOf<Succeeded>;
const failed = {
  ok: z.literal(false),
  error: errorData,
  stopped: z.enum(STOP_REASONS).nullable(),
  postponed: postponed.nullable().optional(),
  targetAway: targetAway.nullable().optional(),
  rows: amount,
  bytes: amount,
  kept,
} satisfies ShapesOf<Failed>;
const settled = z.discriminatedUnion('ok', [z.object(succeeded), z.object(failed)]);

const time = z.object({ beganAt: z.number().nonnegative(), ranMs: z.number().nonnegative() });

/** The end of a run. */
export const runEnd = z.object({
  runId: z.string(),
  settled,
  time: time.nullable().catch(null),
  summary: summary.optional(),
} satisfies ShapesOf<RunEnd>);

/** Measurements of a task type; one that is none is left out. */
export const measurement = z.object({
  name: z.string().min(1).max(200),
  kind: z.enum(['counter', 'up-down-counter', 'gauge', 'histogram']),
  unit: z.string().max(63),
  help: z.string().max(1_000),
  attributes: z.record(z.string().max(200), z.union([z.string().max(1_000), z.number()])),
  values: z.array(z.number()).max(1_000),
});

export const logLine = z.object({
  runId: z.string(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: z.string().transform((value) => value.slice(0, MAX_MESSAGE)),
  fields: z.record(z.string(), z.unknown()).transform((value) => toJsonData(value) as Record<string, unknown>),
});

const hrTime = z.tuple([z.number(), z.number()]);
const attributes = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.unknown()).max(1_000)]),
);
const traceContext = z.object({ traceparent: z.string().max(100), tracestate: z.string().max(1_000).optional() });

/** An ended span; one that is none is left out, so that it can't take a batch of the exporter's with it. */
export const span = z.object({
  name: z.string().max(1_000),
  kind: z.int().min(0).max(4),
  context: traceContext,
  parent: traceContext.nullable(),
  startTime: hrTime,
  endTime: hrTime,
  duration: hrTime,
  status: z.object({ code: z.int().min(0).max(2), message: z.string().optional() }),
  attributes,
  links: z.array(z.object({ context: traceContext, attributes: attributes.optional() })).max(1_000),
  events: z.array(z.looseObject({ name: z.string(), time: hrTime, attributes: attributes.optional() })).max(1_000),
  scope: z.object({ name: z.string().max(1_000), version: z.string().max(200).optional() }),
  dropped: z.object({ attributes: z.number(), events: z.number(), links: z.number() }),
});

/** A task type as its runner describes it. */
const typeDescription = z.object({
  type: z.string().min(1).max(64),
  version: z.string().min(1).max(128),
  description: z.string().max(100_000),
  contract: z.int(),
  steps: z.array(z.string().min(1).max(64)).min(1).max(1_000),
  hooks: z.array(z.string().max(64)).max(64),
  schema: z.record(z.string(), z.unknown()).and(json),
  defaults: z.record(z.string(), z.unknown()).and(json),
  isReused: z.boolean().optional(),
  runner: z.enum(['thread', 'process']),
});

/** Answers that name what was asked. */
export const callFromRunner = z.object({
  callId: z.int(),
  runId: z.string(),
  call: z.looseObject({ method: z.string() }),
});
export const modified = z.object({ changeId: z.int(), isConformed: z.boolean(), error: errorData.optional() });
export const taskEnded = z.object({ endId: z.int() });
export const named = z.object({ type: z.string() });
export const globalsChecked = z.object({ checkId: z.int(), isChanged: z.boolean() });
export const failedWith = z.object({ message: text(MAX_MESSAGE) });
export const loadFailed = z.object({ error: errorData });
export const ready = z.object({
  type: typeDescription,
  warning: z.string().nullable(),
  declaresConnections: z.boolean(),
});
export const declared = z.object({
  callId: z.int(),
  runId: z.string(),
  names: z.array(z.string().max(MAX_CONNECTION_NAME)).max(MAX_CONNECTIONS),
});
