export { importTaskType as default } from './import-task-type.ts';
export { ImportErrorCode } from './errors/import-error-code.ts';
export type { ImportMeta } from './meta/import-meta.ts';
export type { ImportSettings } from './meta/import-settings.ts';
