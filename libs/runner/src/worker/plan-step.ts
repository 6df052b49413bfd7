import { LongshoreError, MAX_SUBTASK_META_BYTES, stepLimit, type StepLimit } from '@longshore/core';
import type { PlanContext, PlannedSubtask, TaskType } from '@longshore/sdk';
import type { Host } from '../parent/host.ts';
import { jsonText } from '../channel/json-text.ts';
import type { PlannedStep, PlanPage, RunSpec } from '../channel/messages.ts';
import { placeStep } from './place-step.ts';
import type { SignsOfLife } from './signs-of-life.ts';

/** Rows of a page, and bytes of their metas: whichever is reached first ends it. */
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * Plans the step after the current one: asks which it is, then hands its subtasks to the executor page by page. The next page is
 * made while the one before is being written, no further ahead. The last one goes with the result, so that a small plan is one write.
 *
 * @throws {LongshoreError} PLAN_INVALID for what is no plan, STEP_TOO_LARGE for one without end.
 */
export async function planStep(
  run: RunSpec,
  type: TaskType,
  context: PlanContext,
  host: Host,
  life: Pick<SignsOfLife, 'sign'>,
): Promise<PlannedStep> {
  const step = await nextStep(type, context);
  if (step === null) {
    return { step, planAttempt: run.attempt, subtasks: 0, totalRows: null, totalBytes: null, lastPage: null };
  }
  if (!type.steps.includes(step)) {
    throw new LongshoreError(
      'PLAN_INVALID',
      `nextStep of ${type.type} answered ${JSON.stringify(step)}, which is none of its steps`,
    );
  }
  // Nothing can be left of attempts that there never were, and the first step of a task can't have run before.
  if (run.attempt > 1 || run.task.step !== null) await host.call(run.runId, { method: 'plan-start', step });
  const placement = await placeStep(run, type, context, step);
  const spread = placement === null ? null : await host.call(run.runId, { method: 'plan-placement', placement });
  const planContext = typeof spread === 'number' ? { ...context, nodeCount: spread } : context;
  let subtasks: PlanPage['subtasks'][number][] = [];
  let bytes = 0;
  let written: Promise<unknown> = Promise.resolve();
  const totals = { subtasks: 0, rows: null as number | null, bytes: null as number | null };
  const limit = stepLimit(type.maxSubtasksPerStep, run.maxSubtasksPerStep ?? null);
  const writePage = async (): Promise<void> => {
    await written;
    written = host.call(run.runId, { method: 'plan-page', page: { step, subtasks } });
    // An error is thrown where the page is awaited; until then it must not count as unhandled.
    written.catch(() => undefined);
    subtasks = [];
    bytes = 0;
  };
  for await (const planned of type.scheduler.planStep(planContext, step)) {
    context.signal.throwIfAborted();
    life.sign();
    if (totals.subtasks === limit.maxSubtasks) throw tooLarge(type, step, limit);
    const { meta, size } = checkPlanned(planned, type.type, totals.subtasks + 1);
    bytes += size;
    subtasks.push({ meta, isIdempotent: isIdempotent(type, step, planned) });
    totals.subtasks += 1;
    totals.rows = addTotal(totals.rows, planned.rows, 'rows', type.type);
    totals.bytes = addTotal(totals.bytes, planned.bytes, 'bytes', type.type);
    if (subtasks.length >= PAGE_ROWS || bytes >= PAGE_BYTES) await writePage();
  }
  await written;
  return {
    step,
    planAttempt: run.attempt,
    subtasks: totals.subtasks,
    totalRows: totals.rows,
    totalBytes: totals.bytes,
    lastPage: subtasks.length === 0 ? null : { step, subtasks },
    placement,
  };
}

function tooLarge({ type }: TaskType, step: string, { maxSubtasks, from }: StepLimit): LongshoreError {
  const raise =
    from === 'cluster'
      ? 'raise the limit with "longshore limits set --max-subtasks-per-step"'
      : 'let the task type allow more (maxSubtasksPerStep)';
  const message = `planStep of ${type}: step ${step} has more than ${maxSubtasks} subtasks, the limit of the ${from === 'default' ? 'framework' : from}; plan larger subtasks, or ${raise}`;
  return new LongshoreError('STEP_TOO_LARGE', message, { details: { step, maxSubtasks, from } });
}

async function nextStep(type: TaskType, context: PlanContext): Promise<string | null> {
  const { step } = context.task;
  if (type.scheduler.nextStep !== undefined) return type.scheduler.nextStep(context, step);
  return type.steps[step === null ? 0 : type.steps.indexOf(step) + 1] ?? null;
}

function isIdempotent({ type, executor }: TaskType, step: string, { meta }: PlannedSubtask): boolean {
  const answer: unknown = executor.isIdempotent?.(step, meta) ?? true;
  if (typeof answer === 'boolean') return answer;
  throw new LongshoreError('PLAN_INVALID', `isIdempotent of ${type}: expected true or false, got a ${typeof answer}`);
}

/** What is expected of a step, for its progress. */
function addTotal(total: number | null, more: number | undefined, what: string, type: string): number | null {
  if (more === undefined) return total;
  const sum = (total ?? 0) + more;
  if (Number.isSafeInteger(more) && more >= 0 && Number.isSafeInteger(sum)) return sum;
  throw new LongshoreError(
    'PLAN_INVALID',
    `planStep of ${type}: ${what} are whole numbers from 0, up to 2^53 - 1 in all; ${String(more)} is none`,
  );
}

/** The meta as plain data: an object with methods could not be handed to the executor. */
function checkPlanned(
  planned: PlannedSubtask,
  type: string,
  ordinal: number,
): { readonly meta: PlannedSubtask['meta']; readonly size: number } {
  const invalid = (reason: string): LongshoreError =>
    new LongshoreError('PLAN_INVALID', `planStep of ${type}: ${reason}`);
  const what = `the meta of subtask ${ordinal}`;
  let text: string;
  try {
    text = jsonText(planned.meta, what);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  const size = Buffer.byteLength(text);
  if (size > MAX_SUBTASK_META_BYTES) {
    throw invalid(`${what} has ${size} bytes, at most ${MAX_SUBTASK_META_BYTES} are allowed`);
  }
  return { meta: JSON.parse(text) as PlannedSubtask['meta'], size };
}
