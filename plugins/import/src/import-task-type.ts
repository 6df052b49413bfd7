import { defineTaskType, type PlanContext, type StepExecutor, type TaskType } from '@longshore/sdk';
import { isRetryablePostgresError } from '@longshore/sdk/postgres';
import { ImportErrorCode } from './errors/import-error-code.ts';
import { importMetaSchema, type ImportMeta } from './meta/import-meta.ts';
import { importSettings, type ImportSettings } from './meta/import-settings.ts';
import { loadStep } from './steps/load-step.ts';
import { importResult } from './steps/import-result.ts';
import { modifyImport } from './steps/modify-import.ts';
import { planLoad } from './steps/plan-load.ts';
import { planScan } from './steps/plan-scan.ts';
import { prepareImport } from './steps/prepare-import.ts';
import { revertImport } from './steps/revert-import.ts';
import { resizable } from './steps/resizable.ts';
import { scanStep } from './steps/scan-step.ts';
import { verifyStep } from './steps/verify-step.ts';

/** A step: how it is divided, and who does a part of it. */
interface Step {
  plan(context: PlanContext<ImportMeta, ImportSettings>): ReturnType<typeof planLoad> | ReturnType<typeof planScan>;
  readonly executor: StepExecutor<ImportMeta, ImportSettings>;
}

const steps: Readonly<Record<string, Step>> = {
  scan: { plan: planScan, executor: scanStep },
  load: { plan: planLoad, executor: loadStep },
  verify: { plan: planVerify, executor: verifyStep },
};

/** One subtask: it looks at the table as a whole. */
function* planVerify(): ReturnType<typeof planScan> {
  yield { meta: {} };
}

function stepOf(name: string): Step {
  const step = steps[name];
  if (step === undefined) throw new TypeError(`the import has no step ${name}`);
  return step;
}

/** The task type `import`: CSV and TSV files into one Postgres table. */
export const importTaskType: TaskType<ImportMeta, ImportSettings> = defineTaskType<ImportMeta, ImportSettings>({
  type: 'import',
  version: '0.1.1',
  description: 'Loads CSV and TSV files into an empty Postgres table, exactly once.',
  meta: importMetaSchema,
  settings: importSettings,
  steps: Object.keys(steps),
  // Two chunks at once keep two cores of the server busy; one needs a twentieth of a core on this side.
  // What cannot pass is permanent, so the rest may take its time: two minutes outlast a restart or failover of the target.
  // A full disk outlasts that: the task pauses, with all that is loaded, until somebody has made room and resumes it.
  defaults: {
    slots: 2,
    slotsPerSubtask: 1,
    retry: { maxFailures: 10, initialMs: 1_000, factor: 2, maxMs: 30_000 },
    pauseOn: [ImportErrorCode.DiskFull],
  },
  connections: (meta) => [meta.connection],
  scheduler: {
    prepare: prepareImport,
    planStep: (context, step) => stepOf(step).plan(context),
    onDone: importResult,
    revert: revertImport,
    modifyMeta: modifyImport,
    isRetryableError: isRetryablePostgresError,
  },
  executor: { getStepExecutor: (step) => resizable(stepOf(step).executor), isRetryableError: isRetryablePostgresError },
});
