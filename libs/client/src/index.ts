export { connectLongshore } from './connect-longshore.ts';
export type { CallOptions, ConnectOptions, WaitOptions, WatchOptions } from './client-options.ts';
export type { LongshoreClient } from './longshore-client.ts';
export type { TaskHandle } from './task-handle.ts';
export type {
  CancelOptions,
  ControlOptions,
  ModifyOptions,
  RetryOptions,
  SubtaskFilters,
  TaskChanges,
} from './control-options.ts';
export type { SubmitOptions } from './submit-task.ts';
export { submitWithin, type SubmittedTask } from './submit-within.ts';
export type { CompiledStatement, KyselyTransaction, OpenTransaction, PgTransaction } from './open-transaction.ts';
export { TaskFailedError } from './task-failed-error.ts';

// What the calls above take, give and throw, so that an application needs this one import.
export { RemoteError } from '@longshore/bus';
export { hasCode, isTerminalTaskState, LongshoreError, TaskOutcome, TaskState } from '@longshore/core';
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
  SubmitRequest,
  SubtaskView,
  SubtaskWaiting,
  TaskDetail,
  TaskRef,
  TaskView,
  TraceContext,
  TypeView,
} from '@longshore/protocol';
