import {
  hasCode,
  jsonFault,
  LongshoreError,
  MAX_CHECKPOINT_BYTES,
  MAX_SUBTASK_META_BYTES,
  withCheckpoint,
} from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import type { HostCall } from '@longshore/runner';
import type { JsonValue } from '@longshore/sdk';
import {
  beginUndo,
  raiseAttempt,
  readPreviousSubtasks,
  saveCheckpoint,
  saveGates,
  type Store,
  type SubtaskAttempt,
} from '@longshore/store';
import { z } from 'zod';
import type { NodeEvent } from '../node/events.ts';
import type { Run } from '../running/run.ts';
import { checkStoredSize } from '../settling/settlement-of.ts';
import type { PlanWriter } from './plan-writer.ts';
import type { TaskThrottle } from './task-throttle.ts';

/** What a handler may use for the run that calls. */
export interface HostCallContext {
  readonly store: Store;
  readonly run: Run;
  readonly throttle: TaskThrottle;
  /** For a plan: writes its rows; null for every other kind. */
  readonly plan: PlanWriter | null;
  /** Tells the node what has come of the call. */
  readonly tell: (event: NodeEvent) => void;
}

type Method = HostCall['method'];
type CallOf<M extends Method> = Extract<HostCall, { readonly method: M }>;

/** How a call from a runner to its host is answered. */
export interface HostCallHandler<C> {
  /** What a call looks like. A runner shares its thread with plugin code, so nothing that it says is taken on trust. */
  readonly schema: z.ZodType<C>;
  /** How many such calls of one run may wait for their answers, at most: what is beyond is refused at once. */
  readonly atOnce: number;
  /** @throws what reaches the hook with its code. */
  readonly answer: (call: C, context: HostCallContext) => Promise<unknown>;
}

/** Previous subtasks that a hook gets at once. */
const PREVIOUS_PAGE = 500;
/** A runner writes pages of at most 1,000 subtasks. */
const MOST_IN_PAGE = 1_000;
/** One after the other is enough for what is written under an attempt. A few more wait, where a hook doesn't. */
const FEW_AT_ONCE = 64;
/** Batches that wait for the budget of their task: one for each parallel piece of a subtask's work. */
const MANY_AT_ONCE = 1_024;

/** A value of JSON, whose size is checked as it is stored. @param bytes what it may have then. */
const json = (bytes: number) =>
  z.custom<JsonValue>().superRefine((value, context) => {
    const fault = jsonFault(value, bytes / 2);
    if (fault !== null) context.addIssue({ code: 'custom', message: `is not JSON: ${fault}` });
  });
/** What a batch may cost: beyond it, no budget would ever have it. */
const amount = z.number().nonnegative().max(1e15).optional();
const kept = z.object({ rows: z.int().nonnegative(), bytes: z.int().nonnegative() });
const step = z.string().min(1).max(64);
/** Columns of the store that are integers of 32 bits, and one more than which is written. */
const count = z
  .int()
  .nonnegative()
  .max(2 ** 31 - 2);
const names = z.array(z.string().max(256)).max(100_000);
const label = z.string().max(256);
const placement = z.object({
  nodeIds: names.optional(),
  labels: z
    .array(
      z.discriminatedUnion('op', [
        z.object({ label, op: z.literal('='), value: label }),
        z.object({ label, op: z.literal('!='), value: label }),
        z.object({ label, op: z.literal('in'), values: names }),
        z.object({ label, op: z.literal('exists') }),
      ]),
    )
    .max(1_000)
    .optional(),
}) as z.ZodType<CallOf<'plan-placement'>['placement']>;
const attemptOf = ({ claimed, attempt }: Run): SubtaskAttempt => ({ id: claimed.id, attempt });

const page = z.object({
  step,
  subtasks: z.array(z.object({ meta: json(MAX_SUBTASK_META_BYTES), isIdempotent: z.boolean() })).max(MOST_IN_PAGE),
});

/**
 * All calls that a runner may make, by their methods. Another one is another line here, and its message in `HostCall` of the runner.
 */
export const HOST_CALLS: { readonly [M in Method]: HostCallHandler<CallOf<M>> } = {
  checkpoint: {
    schema: z.object({ method: z.literal('checkpoint'), value: json(MAX_CHECKPOINT_BYTES), kept }),
    atOnce: FEW_AT_ONCE,
    answer: async ({ value, kept }, { store, run, tell }) => {
      checkStoredSize(value, `the checkpoint of subtask ${run.claimed.id}`);
      const crashes = withCheckpoint(run.crashes, value);
      const change = crashes === run.crashes ? undefined : crashes;
      const own = attemptOf(run);
      if (!(await saveCheckpoint(store.db, run.identity, own, value, { crashes: change, kept }))) throw lost(run, tell);
      tell({ kind: 'checkpointed', run, crashes, at: performance.now() });
      return null;
    },
  },
  'plan-start': {
    schema: z.object({ method: z.literal('plan-start'), step }),
    atOnce: 1,
    answer: ({ step }, context) => writePlan(context, (plan) => plan.begin(step)),
  },
  'plan-placement': {
    schema: z.object({ method: z.literal('plan-placement'), placement }),
    atOnce: 1,
    answer: (call, { plan, run }) => Promise.resolve(plan?.place(call.placement, run.candidates?.nodes ?? []) ?? null),
  },
  'plan-page': {
    schema: z.object({ method: z.literal('plan-page'), page }),
    atOnce: 1,
    answer: (call, context) => writePlan(context, (plan) => plan.write(call.page)),
  },
  'raise-attempt': {
    schema: z.object({ method: z.literal('raise-attempt'), past: count }),
    atOnce: FEW_AT_ONCE,
    answer: async ({ past }, { store, run, tell }) => {
      const attempt = await raiseAttempt(store.db, run.identity, attemptOf(run), past);
      if (attempt !== null) tell({ kind: 'attempt-raised', run, attempt });
      return attempt;
    },
  },
  'begin-undo': {
    schema: z.object({ method: z.literal('begin-undo') }),
    atOnce: FEW_AT_ONCE,
    answer: async (_, { store, run, tell }) => {
      if (!(await beginUndo(store.db, run.identity, attemptOf(run)))) throw lost(run, tell);
      return null;
    },
  },
  gates: {
    schema: z.object({
      method: z.literal('gates'),
      readings: z
        .array(z.object({ isOpen: z.boolean(), code: z.string().max(128), message: z.string().max(4_000) }))
        .max(1_000),
    }),
    atOnce: FEW_AT_ONCE,
    answer: async ({ readings }, { store, run, tell }) => {
      if (!(await saveGates(store.db, run.identity, attemptOf(run), readings))) throw lost(run, tell);
      tell({ kind: 'alive', run, at: performance.now() });
      return null;
    },
  },
  throttle: {
    schema: z.object({
      method: z.literal('throttle'),
      cost: z.object({ rows: amount, bytes: amount, statements: amount }),
      isBatch: z.boolean(),
    }) as z.ZodType<CallOf<'throttle'>>,
    atOnce: MANY_AT_ONCE,
    answer: async ({ cost, isBatch }, { throttle, run }) => {
      await throttle.ask(run.claimed.id, cost, isBatch);
      return null;
    },
  },
  previous: {
    schema: z.object({ method: z.literal('previous'), step, afterOrdinal: count }),
    atOnce: FEW_AT_ONCE,
    answer: async ({ step, afterOrdinal }, { store, run, tell }) => {
      const found = await readPreviousSubtasks(store.db, run.claimed.taskId, step, afterOrdinal, PREVIOUS_PAGE);
      tell({ kind: 'alive', run, at: performance.now() });
      return found;
    },
  },
};

/**
 * Answers a call as its handler does.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID when it is none of the calls, or not formed like one; what the handler throws.
 */
export async function answerHostCall(
  call: HostCall,
  context: HostCallContext,
  waiting: CallsWaiting,
): Promise<unknown> {
  // Indexed by a name from outside: one that an object inherits is none of ours.
  if (!Object.hasOwn(HOST_CALLS, call.method)) throw invalid(`there is no call ${call.method}`);
  const handler = HOST_CALLS[call.method] as HostCallHandler<HostCall>;
  const parsed = handler.schema.safeParse(call);
  if (!parsed.success)
    throw invalid(`call ${call.method} is not formed as it should: ${z.prettifyError(parsed.error)}`);
  return waiting.within(context.run, call.method, handler.atOnce, () => handler.answer(parsed.data, context));
}

/** How many calls of each run wait for their answers, by method. */
export class CallsWaiting {
  readonly #counts = new Map<Run, Map<Method, number>>();

  /** Makes a call that counts until it is answered. @throws {LongshoreError} ARGUMENT_INVALID when too many wait already. */
  async within<T>(run: Run, method: Method, atOnce: number, answer: () => Promise<T>): Promise<T> {
    const counts = this.#counts.get(run) ?? new Map<Method, number>();
    const waiting = counts.get(method) ?? 0;
    if (waiting >= atOnce) {
      throw invalid(
        `subtask ${run.claimed.id} waits for ${waiting} calls ${method}; wait for them before the next one`,
      );
    }
    this.#counts.set(run, counts.set(method, waiting + 1));
    try {
      return await answer();
    } finally {
      const left = (counts.get(method) ?? 1) - 1;
      if (left > 0) counts.set(method, left);
      else counts.delete(method);
      if (counts.size === 0) this.#counts.delete(run);
    }
  }
}

async function writePlan(
  { plan, run, tell }: HostCallContext,
  write: (plan: PlanWriter) => Promise<void>,
): Promise<null> {
  try {
    if (plan !== null) await write(plan);
    tell({ kind: 'alive', run, at: performance.now() });
    await faultPoint('plan.page-after-commit');
    return null;
  } catch (error) {
    // Cancelled, or somebody else's: the settlement finds out which.
    if (hasCode(error, 'STATE_CONFLICT')) tell({ kind: 'abort', run, reason: 'cancel' });
    throw error;
  }
}

function lost(run: Run, tell: HostCallContext['tell']): LongshoreError {
  tell({ kind: 'abort', run, reason: 'lost-lease' });
  return new LongshoreError('STATE_CONFLICT', `subtask ${run.claimed.id} was given to another node`);
}

function invalid(message: string): LongshoreError {
  return new LongshoreError('ARGUMENT_INVALID', message);
}
