export { backfillTaskType as default } from './backfill-task-type.ts';
export type { BackfillBatch } from './code/code-work.ts';
export { defineBackfill, type BackfillDefinition } from './code/define-backfill.ts';
export { BackfillErrorCode } from './errors/backfill-error-code.ts';
export type { BackfillMeta } from './meta/backfill-meta.ts';
export { backfillTuning, type BackfillTuning } from './meta/tuning.ts';
