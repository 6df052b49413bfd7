import { isPlannedKind, LongshoreError, type SubtaskKind } from '@longshore/core';
import {
  TaskTypeError,
  type HookContext,
  type JsonObject,
  type JsonValue,
  type PlanContext,
  type SubtaskContext,
  type TaskType,
} from '@longshore/sdk';
import { watchGates, type GateConnection } from './gates/watch-gates.ts';
import type { HookReports, OpenContext } from './hook-context.ts';
import { hookThrottle } from './hook-throttle.ts';
import type { Host } from '../parent/host.ts';
import { plainJson } from '../channel/json-text.ts';
import type { PlacedStep, RunSpec } from '../channel/messages.ts';
import { placeStep } from './place-step.ts';
import { planStep } from './plan-step.ts';
import type { StepExecutors } from './step-executors.ts';
import type { RunSummary } from './run-summary.ts';
import { keepTicking } from './ticks/keep-ticking.ts';

/** As a submit may ask for. */
const MAX_SLOTS = 4_096;
const MAX_NODES = 100_000;

/** What a run says of itself while it goes on. */
export interface RunReports extends HookReports {
  readonly summary: RunSummary;
}

/**
 * Runs the hook of one subtask and answers what is to be stored as its result.
 *
 * @throws what the hook throws; {TaskTypeError} SUBTASK_FAILED, permanent, when its result or a checkpoint is not JSON.
 */
export async function runHook(
  run: RunSpec,
  type: TaskType,
  { context, gateConnection }: Pick<OpenContext, 'context' | 'gateConnection'>,
  executors: StepExecutors,
  reports: RunReports,
  host: Host,
): Promise<unknown> {
  const result = await HOOKS[run.kind]({ run, type, context, gateConnection, executors, reports, host });
  return asJson(
    result,
    `the result of ${isPlannedKind(run.kind) ? `subtask ${run.ordinal} of ${run.step}` : run.kind}`,
  );
}

function asJson(value: unknown, what: string): unknown {
  try {
    return plainJson(value, what);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // The same code would return the same again.
    throw new TaskTypeError('SUBTASK_FAILED', reason, { permanent: true, cause });
  }
}

/** What a hook is called with. */
interface HookCall {
  readonly run: RunSpec;
  readonly type: TaskType;
  readonly context: HookContext;
  readonly gateConnection: GateConnection;
  readonly executors: StepExecutors;
  readonly reports: RunReports;
  readonly host: Host;
}

/** What each kind of subtask does, one row per kind. */
const HOOKS: Readonly<Record<SubtaskKind, (call: HookCall) => Promise<unknown>>> = {
  work: ({ run, context, executors, reports, host }) => runWork(run, context, executors, reports, host),
  prepare: async ({ run, type, context }) => checkPrepared((await type.scheduler.prepare?.(context)) ?? {}, type, run),
  plan: ({ run, type, context, host, reports }) =>
    planStep(run, type, { ...context, nodeCount: run.nodeCount } satisfies PlanContext, host, reports.life),
  finish: async ({ type, context }) => (await type.scheduler.onDone?.(context)) ?? null,
  revert: async ({ run, type, context, host }) => {
    // With connections it begins with the first session that is used.
    if (type.connections === undefined) await host.call(run.runId, { method: 'begin-undo' });
    await type.scheduler.revert?.(context);
    return null;
  },
  clean: async ({ type, context }) => (await type.scheduler.cleanUp?.(context)) ?? null,
  modify: ({ run, type, context }) => modifyMeta(run, type, context),
  gates: ({ run, context, gateConnection, host }) =>
    watchGates(run.runId, run.gates, gateConnection, context.signal, host),
  tick: ({ run, type, context, reports }) => keepTicking(run, type, context, reports),
  place: async ({ run, type, context }) => {
    const placement = await placeStep(run, type, { ...context, nodeCount: run.nodeCount }, run.step);
    return { placement } satisfies PlacedStep;
  },
};

async function runWork(
  run: RunSpec,
  context: HookContext,
  executors: StepExecutors,
  { summary, progress }: RunReports,
  host: Host,
): Promise<unknown> {
  const executor = await executors.get(run, context.signal);
  summary.begin(executor);
  const subtask: SubtaskContext = {
    ...context,
    subtask: {
      id: run.runId,
      step: run.step,
      ordinal: run.ordinal,
      meta: run.meta,
      idempotencyKey: idempotencyKeyOf(run),
    },
    checkpoint: run.checkpoint,
    saveCheckpoint: async (value: JsonValue) => {
      const checkpoint = asJson(value, 'the checkpoint') as JsonValue;
      const kept = progress.counted;
      await host.call(run.runId, { method: 'checkpoint', value: checkpoint, kept });
      progress.keep(kept);
    },
    resource: run.resource,
    throttle: hookThrottle(host, run, context.signal),
  };
  return (await executor.runSubtask(subtask)) ?? null;
}

/** Another run of the task's key does the work anew, so its names differ. The first run's have no number. */
function idempotencyKeyOf({ task, step, ordinal }: RunSpec): string {
  const name = `${task.key}/${step}/${ordinal}`;
  return task.run === undefined || task.run === 1 ? name : `${name}/run-${task.run}`;
}

/** The new meta. The type's schema checks it again, because nobody has checked yet what the user asked for. */
async function modifyMeta(run: RunSpec, type: TaskType, context: HookContext): Promise<unknown> {
  if (type.scheduler.modifyMeta === undefined) {
    throw new LongshoreError('ARGUMENT_INVALID', `${run.task.type} does not allow changes of its meta`);
  }
  const meta = await type.scheduler.modifyMeta(context, (run.changes ?? {}) as JsonObject);
  const checked = await type.meta['~standard'].validate(meta);
  if (checked.issues === undefined) return meta;
  const issues = checked.issues.map((issue) => `${fieldOf(issue.path)}: ${issue.message}`).join('; ');
  throw new LongshoreError('META_INVALID', `the changed meta of ${run.task.type}: ${issues}`);
}

function fieldOf(path: readonly unknown[] | undefined): string {
  const parts = (path ?? []).map((part) =>
    String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part),
  );
  return parts.length === 0 ? 'meta' : parts.join('.');
}

/** Checks that the task may be what `prepare` made of it. The type's schema checks a changed meta again. */
async function checkPrepared(prepared: object, type: TaskType, run: RunSpec): Promise<unknown> {
  const { meta, slots, maxNodes } = prepared as { meta?: unknown; slots?: unknown; maxNodes?: unknown };
  const isCount = (value: unknown, most: number): boolean =>
    value === undefined || (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most);
  if (!isCount(slots, MAX_SLOTS) || !isCount(maxNodes, MAX_NODES)) {
    throw new LongshoreError(
      'PLAN_INVALID',
      `prepare of ${run.task.type} returned slots or maxNodes below 1, or above ${MAX_SLOTS} or ${MAX_NODES}`,
    );
  }
  if (meta !== undefined) {
    const checked = await type.meta['~standard'].validate(meta);
    if (checked.issues !== undefined) {
      const issues = checked.issues.map((issue) => issue.message).join('; ');
      throw new LongshoreError(
        'PLAN_INVALID',
        `prepare of ${run.task.type} returned a meta that doesn't fit its schema: ${issues}`,
      );
    }
  }
  return prepared;
}
