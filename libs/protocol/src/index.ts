export { API, type ApiMethod, type ApiReply, type ApiRequest } from './api.ts';
export type { ApiContext, ApiHandler, ApiHandlers } from './api-handlers.ts';
export { OWNER_QUEUE, SUBJECT_PREFIX, subjects, type Subjects } from './subjects.ts';
export { parseRequest } from './parse-request.ts';
export { PRINCIPAL_HEADER, principalHeaders, readPrincipal, ROLE_HEADER } from './principal.ts';
export { submitRequest } from './task-payloads.ts';
export { replyEnvelope, wireError, type ReplyEnvelope } from './wire-error.ts';
export type {
  ControlProgress,
  EventsReply,
  EventsRequest,
  EventView,
  GetRequest,
  ListReply,
  ListRequest,
  RunsRequest,
  NodeProgress,
  StepProgress,
  StepSummary,
  SubmitReply,
  SubmitRequest,
  SubtasksReply,
  SubtasksRequest,
  SubtaskView,
  SubtaskWaiting,
  TaskDetail,
  TaskRef,
  TaskView,
} from './task-payloads.ts';
export type {
  CancelRequest,
  ClusterLimits,
  ControlReply,
  ControlRequest,
  LimitsReply,
  ModifyRequest,
} from './task-control-payloads.ts';
export { label, labelValue } from './task-settings.ts';
export type { GateRequest } from './throttle-payloads.ts';
export type { NodesReply, NodeView, TypesReply, TypeView } from './cluster-payloads.ts';
export {
  controlHint,
  MAX_HINTED_TASKS,
  taskHint,
  wakeHint,
  type ControlHint,
  type TaskHint,
  type WakeHint,
} from './hints.ts';
export { readTraceContext, TRACEPARENT_HEADER, TRACESTATE_HEADER, type TraceContext } from './trace-context.ts';
