export { changeMeta, type MetaChange } from './change-meta.ts';
export { CONTRACT_VERSION, OPTIONAL_HOOKS } from './contract.ts';
export {
  DEFAULT_TICK_INTERVAL_MS,
  defineTaskType,
  type MetaSchema,
  type TaskType,
  type TaskTypeDefaults,
  type TaskTypeDefinition,
} from './define-task-type.ts';
export { errorMaker, type MakeError } from './error-maker.ts';
export type { Extension } from './extension.ts';
export type { FinishedSubtask, HookContext, TaskView } from './hook-context.ts';
export type { JsonObject, JsonValue } from './json.ts';
export type { Logger } from './logger.ts';
export { metaSchema } from './meta-schema.ts';
export type { CandidateNode, LabelSelector, Placement } from './placement.ts';
export type {
  PlacementContext,
  PlanContext,
  PlannedSubtask,
  Prepared,
  SchedulerExtension,
} from './scheduler-extension.ts';
export type { Progress } from './progress.ts';
export type { RealtimeSummary, StepExecutor, SubtaskContext, SubtaskResource } from './step-executor.ts';
export { StopReason, stopReason, SubtaskStopped } from './stop-reason.ts';
export type {
  EffectBatches,
  EffectOutcome,
  LedgerEntry,
  SqlClient,
  SqlResult,
  SqlRow,
  TargetConnection,
} from './target-connection.ts';
export { SummaryCounters } from './summary-counters.ts';
export { SubtaskPostponed } from './subtask-postponed.ts';
export { TaskTypeError } from './task-type-error.ts';
export type { Throttle, ThrottleCost } from './throttle.ts';
export type { WaitingReason } from './waiting-reason.ts';
export { withLiveMeta } from './with-live-meta.ts';
