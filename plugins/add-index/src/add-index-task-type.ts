import {
  defineTaskType,
  type PlanContext,
  type PlannedSubtask,
  type StepExecutor,
  type TaskType,
  withLiveMeta,
} from '@longshore/sdk';
import { isRetryablePostgresError } from '@longshore/sdk/postgres';
import { AddIndexErrorCode } from './errors/add-index-error-code.ts';
import { addIndexMetaSchema, type AddIndexMeta } from './meta/add-index-meta.ts';
import { attachStep } from './steps/attach-step.ts';
import { buildStep } from './steps/build-step.ts';
import { addIndexResult } from './steps/add-index-result.ts';
import { modifyAddIndex } from './steps/modify-add-index.ts';
import { parentsStep } from './steps/parents-step.ts';
import { planAttach, planBuild, planParents, planVerify } from './steps/plan-tables.ts';
import { prepareAddIndex } from './steps/prepare-add-index.ts';
import { revertAddIndex } from './steps/revert-add-index.ts';
import { verifyStep } from './steps/verify-step.ts';

/** A step: how it is divided, and who does a part of it. */
interface Step {
  plan(context: PlanContext<AddIndexMeta>): AsyncIterable<PlannedSubtask> | Iterable<PlannedSubtask>;
  readonly executor: StepExecutor<AddIndexMeta>;
}

const steps: Readonly<Record<string, Step>> = {
  parents: { plan: planParents, executor: parentsStep },
  build: { plan: planBuild, executor: buildStep },
  attach: { plan: planAttach, executor: attachStep },
  verify: { plan: planVerify, executor: verifyStep },
};

function stepOf(name: string): Step {
  const step = steps[name];
  if (step === undefined) throw new TypeError(`add-index has no step ${name}`);
  return step;
}

/** A subtask has one statement in the database at a time, whatever its slots: it conforms to any number of them at once. */
function executorOf({ executor }: Step): StepExecutor<AddIndexMeta> {
  return withLiveMeta({ ...executor, resourceModified: () => Promise.resolve() });
}

/** The task type `add-index`: one index on a plain or partitioned Postgres table, while it is being written to. */
export const addIndexTaskType: TaskType<AddIndexMeta> = defineTaskType<AddIndexMeta>({
  type: 'add-index',
  version: '0.1.1',
  description: 'Adds an index to a large Postgres table, plain or partitioned, without blocking its writers.',
  meta: addIndexMetaSchema,
  steps: Object.keys(steps),
  // As many builds at once as maxConcurrentBuilds has by default, so that no slot is held by one that waits. They work in the
  // database's server, so a second node would make nothing faster. Two minutes of retries outlast its restart or failover; a full disk
  // outlasts them, so it pauses the task until somebody has made room.
  defaults: {
    slots: 2,
    slotsPerSubtask: 1,
    maxNodes: 1,
    retry: { maxFailures: 10, initialMs: 1_000, factor: 2, maxMs: 30_000 },
    pauseOn: [AddIndexErrorCode.DiskFull],
  },
  connections: (meta) => [meta.connection],
  scheduler: {
    prepare: prepareAddIndex,
    planStep: (context, step) => stepOf(step).plan(context),
    onDone: addIndexResult,
    revert: revertAddIndex,
    modifyMeta: modifyAddIndex,
    isRetryableError: isRetryablePostgresError,
  },
  executor: { getStepExecutor: (step) => executorOf(stepOf(step)), isRetryableError: isRetryablePostgresError },
});
