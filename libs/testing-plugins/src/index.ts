export { openTargetDatabase, type TargetDatabase, type TargetServer } from './target-database.ts';
export { TaskTypeRun, type AttemptOptions, type PlannedPart, type TaskTypeRunOptions } from './task-type-run.ts';
