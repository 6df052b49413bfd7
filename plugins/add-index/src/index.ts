export { addIndexTaskType as default } from './add-index-task-type.ts';
export { AddIndexErrorCode } from './errors/add-index-error-code.ts';
export type { AddIndexMeta } from './meta/add-index-meta.ts';
