export { TaskTypeRun, type AttemptOptions, type PlannedPart, type TaskTypeRunOptions } from './task-type-run.ts';
