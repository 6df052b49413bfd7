import {
  defineTaskType,
  type MetaSchema,
  type PlanContext,
  type PlannedSubtask,
  type StepExecutor,
  SummaryCounters,
  type TaskType,
  type TaskTypeDefaults,
  type TaskTypeDefinition,
  withLiveMeta,
} from '@longshore/sdk';
import { isRetryablePostgresError } from '@longshore/sdk/postgres';
import type { BackfillWork } from './backfill-work.ts';
import { BackfillErrorCode } from './errors/backfill-error-code.ts';
import type { BackfillTuning } from './meta/tuning.ts';
import type { Pace } from './batches/run-batches.ts';
import { backfillResult } from './steps/backfill-result.ts';
import { changeRange } from './steps/change-range.ts';
import { modifyBackfill } from './steps/modify-backfill.ts';
import { planTail } from './steps/plan-tail.ts';
import { planUpdate } from './steps/plan-update.ts';
import { prepareBackfill } from './steps/prepare-backfill.ts';
import { previewBackfill } from './steps/preview.ts';
import { revertBackfill } from './steps/revert-backfill.ts';
import { planVerify, verifyRange } from './steps/verify-range.ts';

/** What a backfill's type is called and told. */
export interface BackfillType<Meta, Settings> {
  readonly type: string;
  readonly version: string;
  readonly description: string;
  readonly meta: MetaSchema<Meta>;
  readonly settings?: TaskTypeDefinition<Meta, Settings>['settings'];
  readonly defaults?: TaskTypeDefaults;
}

interface Step<Meta, Settings> {
  plan(context: PlanContext<Meta, Settings>): AsyncGenerator<PlannedSubtask>;
  /** A new one for each runner. */
  executor(): StepExecutor<Meta, Settings>;
}

/**
 * Settings of a task that neither its type nor its submit names.
 *
 * - Two batches at once, of two ranges, keep two cores of the server busy. At most two nodes: more nodes bring more load
 *   to the same table, and with two nodes one can be lost without a pause.
 * - After a failure the task awaits resolution. It can't be undone, and a revert would throw away the ledger, which alone knows the
 *   changed rows. So the task waits until a person has removed the cause and retries.
 * - Ten tries, over some two minutes, outlast a restart or failover of the target. Other errors are permanent. A full disk may last
 *   longer: the task pauses until somebody has made room.
 */
const DEFAULTS: TaskTypeDefaults = {
  slots: 2,
  slotsPerSubtask: 1,
  maxNodes: 2,
  onFailure: 'hold',
  retry: { maxFailures: 10, initialMs: 1_000, factor: 2, maxMs: 30_000 },
  pauseOn: [BackfillErrorCode.DiskFull],
};

/** A subtask works in one session, whatever its slots: it conforms to any number of them at once. */
function resizable<Meta, Settings>(executor: StepExecutor<Meta, Settings>): StepExecutor<Meta, Settings> {
  return { ...executor, resourceModified: () => Promise.resolve() };
}

/** A task type around what a backfill does to rows. */
export function makeBackfill<Meta extends BackfillTuning, Settings>(
  { settings, defaults, ...type }: BackfillType<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): TaskType<Meta, Settings> {
  const changing = (): StepExecutor<Meta, Settings> => {
    const pace: Pace = { rows: null, changedShare: 1 };
    const counters = new SummaryCounters();
    const runSubtask: StepExecutor<Meta, Settings>['runSubtask'] = (context) =>
      changeRange(context, work, { pace, counters });
    return resizable(withLiveMeta({ ...counters.hooks, runSubtask }));
  };
  const steps: Readonly<Record<string, Step<Meta, Settings>>> = {
    update: { plan: (context) => planUpdate(context, work), executor: changing },
    tail: { plan: (context) => planTail(context, work), executor: changing },
    verify: {
      plan: (context) => planVerify(context, work),
      executor: () => resizable({ runSubtask: (context) => verifyRange(context, work) }),
    },
  };
  const stepOf = (name: string): Step<Meta, Settings> => {
    const step = steps[name];
    if (step === undefined) throw new TypeError(`a backfill has no step ${name}`);
    return step;
  };
  return defineTaskType<Meta, Settings>({
    ...type,
    ...(settings !== undefined && { settings }),
    steps: Object.keys(steps),
    defaults: { ...DEFAULTS, ...defaults },
    connections: (meta) => [meta.connection],
    scheduler: {
      prepare: (context) => prepareBackfill(context, work),
      planStep: (context, step) => stepOf(step).plan(context),
      onDone: (context) => (context.task.meta.dryRun ? previewBackfill(context, work) : backfillResult(context, work)),
      revert: revertBackfill,
      modifyMeta: (context, changes) => modifyBackfill(context, changes, type.meta),
      isRetryableError: isRetryablePostgresError,
    },
    executor: { getStepExecutor: (step) => stepOf(step).executor(), isRetryableError: isRetryablePostgresError },
  });
}
