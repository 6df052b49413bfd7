export { connectLongshore } from './connection/connect-longshore.ts';
export type {
  CallOptions,
  ConnectOptions,
  ResultOptions,
  WaitOptions,
  WatchOptions,
} from './connection/client-options.ts';
export type { LongshoreClient } from './connection/longshore-client.ts';
export type { TaskHandle } from './task/task-handle.ts';
export type {
  CancelOptions,
  ControlOptions,
  ModifyOptions,
  RetryOptions,
  SubtaskFilters,
  TaskChanges,
} from './task/control-options.ts';
export type { SubmitOptions } from './submit/submit-task.ts';
export type { MetaOf, NamedSubmit, ResultOf, TaskTypeRef, TaskTypes, TypedSubmit } from './submit/task-type-ref.ts';
export { submitWithin, type SubmittedTask } from './submit/submit-within.ts';
export type {
  CompiledStatement,
  KyselyTransaction,
  OpenTransaction,
  PgTransaction,
} from './submit/open-transaction.ts';
export { TaskFailedError } from './task/task-failed-error.ts';

// What the calls above take, give and throw, so that an application needs this one import.
export { RemoteError } from '@longshore/bus';
export { hasCode, isTerminalTaskState, LongshoreError, TaskOutcome, TaskState } from '@longshore/core';
export type { Principal, PrincipalClaim } from '@longshore/core';
export type {
  ClusterLimits,
  ControlProgress,
  ControlReply,
  EventView,
  ListReply,
  ListRequest,
  NodeProgress,
  NodeView,
  StepProgress,
  StepSummary,
  SubmitRequest,
  SubtaskView,
  SubtaskWaiting,
  TaskDetail,
  TaskRef,
  TaskView,
  TraceContext,
  TypeView,
} from '@longshore/protocol';
