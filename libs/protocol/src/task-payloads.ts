import { isId, MAX_KEY_CHARS } from '@longshore/core';
import { z } from 'zod';
import { principalView } from './principal.ts';
import { labelSelector, runtimeSlots, taskSettings } from './task-settings.ts';
import { healthGate, throttleLimits } from './throttle-payloads.ts';
import { wireError } from './wire-error.ts';

const id = z.string().refine(isId, 'expected a decimal id of 64 bits');
const instant = z.iso.datetime();
/** Longest id of a submit, in characters: a UUID has 36. */
const MAX_SUBMIT_ID_CHARS = 64;

/** A task named by id or by key. */
export const taskRef = z
  .object({ id: id.optional(), key: z.string().min(1).max(MAX_KEY_CHARS).optional() })
  .refine((ref) => (ref.id === undefined) !== (ref.key === undefined), { message: 'name the task by id or by key' });
export type TaskRef = z.infer<typeof taskRef>;

/** A request for a task. */
export const submitRequest = z.object({
  /** Task type, such as `import`. */
  type: z.string().min(1).max(64),
  /** Idempotency key: a second submit with the same key and content returns the newest run of the key. Default: a random one. */
  key: z.string().min(1).max(MAX_KEY_CHARS).optional(),
  /** Starts the next run of the key if its newest run has ended; otherwise nothing starts. Default false. */
  again: z.boolean().optional(),
  /** Names this call and its repetitions: together they start at most one run. Default: the client's `submit` makes one up for each call. */
  submitId: z.string().min(1).max(MAX_SUBMIT_ID_CHARS).optional(),
  /** Version of the type; default: the newest that is registered. */
  typeVersion: z.string().min(1).max(64).optional(),
  /** What to do, as the type's schema wants it. At most 256 KiB of JSON. */
  meta: z.record(z.string(), z.unknown()),
  /** 1..1024, lower goes first. Default 512. */
  priority: taskSettings.priority.optional(),
  /** Slots on each node. Default: the type's. */
  slots: taskSettings.slots.optional(),
  /** Slots of one subtask. Default: the type's. */
  slotsPerSubtask: taskSettings.slotsPerSubtask.optional(),
  /** The most nodes. Default: the type's, or all. */
  maxNodes: taskSettings.maxNodes.optional(),
  /** A cap on what it uses of its slots while it runs. Default: none. */
  runtimeSlots: taskSettings.runtimeSlots.optional(),
  /** Service scope. Default '': nodes without a scope, or the background ones where there are any. */
  scope: z.string().max(128).optional(),
  /** Only nodes whose labels fit all of these. Default: all of its scope. */
  selectors: taskSettings.selectors.optional(),
  /** Default: the type's. */
  onFailure: taskSettings.onFailure.optional(),
  /** How failing subtasks are tried again; what is absent is the type's. */
  retry: taskSettings.retry.optional(),
  /** How long one attempt of a subtask may run. Default: the type's, or for ever. */
  subtaskTimeoutMs: taskSettings.subtaskTimeoutMs.optional(),
  /** How long one may go without a sign of progress. Default: the type's, or for ever. */
  stallTimeoutMs: taskSettings.stallTimeoutMs.optional(),
  /** How long the task may take from now on, paused time not counted. Default: the type's, or for ever. */
  deadlineMs: taskSettings.deadlineMs.optional(),
  /** How much it may do a second, over all of its nodes. Default: as fast as it can. */
  throttle: taskSettings.throttle.optional(),
  /** Conditions that must be true before a batch starts. Default: none. */
  gates: z.array(healthGate).min(1).max(16).optional(),
});
export type SubmitRequest = z.infer<typeof submitRequest>;

/** A task as everybody sees it. */
export const taskView = z.object({
  id,
  key: z.string(),
  /** Its number among the runs of its key, from 1. Absent: the owner doesn't know of runs. */
  run: z.int().optional(),
  type: z.string(),
  typeVersion: z.string(),
  state: z.string(),
  outcome: z.enum(['succeeded', 'failed', 'canceled']).nullable(),
  step: z.string().nullable(),
  priority: z.int(),
  slots: z.int(),
  slotsPerSubtask: z.int(),
  maxNodes: z.int().nullable(),
  scope: z.string(),
  onFailure: z.enum(['revert', 'hold']),
  /** Nodes that it has slots on now. */
  nodes: z.array(z.string()),
  /** Why it waits, and since when. */
  waiting: z.object({ code: z.string(), message: z.string(), since: instant }).nullable(),
  error: wireError.nullable(),
  /** What the type's `onDone` returned; null: nothing, or it was skipped. `skipped` says what else it stands without. */
  result: z.unknown(),
  /** What was left out of it on request: subtasks, and hooks such as `onDone` or `revert`. Absent: the owner doesn't count them. */
  skipped: z.object({ subtasks: z.int(), hooks: z.int() }).optional(),
  createdAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  /** Whether it has left for history. */
  isArchived: z.boolean(),
  /** Its budget per second; null: none. */
  throttle: throttleLimits.nullable().optional(),
  gates: z.array(healthGate).nullable().optional(),
  runtimeSlots: runtimeSlots.nullable().optional(),
  selectors: z.array(labelSelector).nullable().optional(),
  subtaskTimeoutMs: z.int().nullable().optional(),
  stallTimeoutMs: z.int().nullable().optional(),
  /** When its deadline ends. Null: it has none, or the task is paused or awaits resolution, when no time counts. */
  deadlineAt: instant.nullable().optional(),
  /** What a modification that is being applied changes. */
  modifying: z.record(z.string(), z.unknown()).nullable().optional(),
  /** Whether it is being undone to be restarted: the next run of its key starts with its end. Absent: no, or the owner knows of no restarts. */
  restarting: z.boolean().optional(),
});
export type TaskView = z.infer<typeof taskView>;

/** How far one step is. Rows and bytes are what subtasks reported; totals are what the plan expected, null where it didn't say. */
export const stepProgress = z.object({
  step: z.string(),
  subtasks: z.object({
    total: z.int(),
    /** What is claimed ahead and has not started is pending too. */
    pending: z.int(),
    running: z.int(),
    succeeded: z.int(),
    /** A person decided to continue without them. Absent: the owner counts them as succeeded. */
    skipped: z.int().optional(),
    failed: z.int(),
    /** Stopped, or never started, because their task is undone. Absent: the owner counts those that ran as failed. */
    canceled: z.int().optional(),
  }),
  rows: z.int(),
  bytes: z.int(),
  totalRows: z.int().nullable(),
  totalBytes: z.int().nullable(),
});
export type StepProgress = z.infer<typeof stepProgress>;

/** What one node has done for the task's current step. */
export const nodeProgress = z.object({
  node: z.string(),
  state: z.string(),
  running: z.int(),
  pending: z.int(),
  succeeded: z.int(),
  /** Absent: the owner counts them as succeeded. */
  skipped: z.int().optional(),
  rows: z.int(),
  bytes: z.int(),
});
export type NodeProgress = z.infer<typeof nodeProgress>;

/** A control subtask that is under way: preparing, planning, finishing, reverting, cleaning up. */
export const controlProgress = z.object({
  kind: z.string(),
  state: z.string(),
  node: z.string(),
  attempt: z.int(),
  error: wireError.nullable(),
});
export type ControlProgress = z.infer<typeof controlProgress>;

/** A reason for which subtasks wait, with how many they are. */
export const subtaskWaiting = z.object({
  /** `THROTTLED`, `RETRY`, `LOCK_HELD`, `REPLICA_LAG`, … */
  code: z.string(),
  /** The particulars of the one that has waited longest. */
  message: z.string(),
  since: instant,
  subtasks: z.int(),
});
export type SubtaskWaiting = z.infer<typeof subtaskWaiting>;

/** What subtasks have counted, by name: at most 16 counters each. */
export const summary = z.record(z.string().max(40), z.int().min(0));

/** What the running subtasks of a step have counted in their attempts, added up by name. */
export const stepSummary = z.object({
  step: z.string(),
  /** How many subtasks count something. */
  subtasks: z.int(),
  counters: summary,
});
export type StepSummary = z.infer<typeof stepSummary>;

export const taskDetail = z.object({
  task: taskView,
  meta: z.unknown(),
  steps: z.array(stepProgress),
  nodes: z.array(nodeProgress),
  controls: z.array(controlProgress),
  /** Subtasks that were started more than once. */
  rerun: z.int(),
  /** What its subtasks wait for, longest first. */
  waiting: z.array(subtaskWaiting).optional(),
  /** What its running subtasks count, by step. */
  summaries: z.array(stepSummary).optional(),
  /** Who submitted it; null: nobody was named. Absent: the owner doesn't know of principals. */
  submittedBy: principalView.nullable().optional(),
  /** The newest run of its key; null: it is that itself. Absent: the owner doesn't say. */
  newestRun: id.nullable().optional(),
});
export type TaskDetail = z.infer<typeof taskDetail>;

export const getRequest = z.object({ task: taskRef });
export type GetRequest = z.infer<typeof getRequest>;

export const listRequest = z.object({
  /** Only tasks in these states. */
  states: z.array(z.string().max(64)).max(32).optional(),
  type: z.string().max(64).optional(),
  /** Only ended tasks with this outcome. */
  outcome: z.enum(['succeeded', 'failed', 'canceled']).optional(),
  /** Only tasks whose key begins with this. */
  keyPrefix: z.string().min(1).max(MAX_KEY_CHARS).optional(),
  /** Include tasks that have left for history. Default false. */
  history: z.boolean().optional(),
  /** Only tasks with a smaller id: the last id of the page before. */
  before: id.optional(),
  /** Page size, 1..200. Default 50. */
  limit: z.int().min(1).max(200).optional(),
});
export type ListRequest = z.infer<typeof listRequest>;

export const listReply = z.object({ tasks: z.array(taskView), next: id.nullable() });
export type ListReply = z.infer<typeof listReply>;

export const runsRequest = z.object({
  key: z.string().min(1).max(MAX_KEY_CHARS),
  /** Only runs whose task has a smaller id: the last id of the page before. */
  before: id.optional(),
  /** Page size, 1..200. Default 50. */
  limit: z.int().min(1).max(200).optional(),
});
export type RunsRequest = z.infer<typeof runsRequest>;

export const submitReply = z.object({ task: taskView, created: z.boolean() });
export type SubmitReply = z.infer<typeof submitReply>;

export const viewReply = z.object({ task: taskView });

export const eventView = z.object({
  seq: z.int(),
  at: instant,
  /** The service that wrote it. */
  actor: z.string(),
  /** Who asked for it; null: nobody, or nobody was named. Absent: the owner doesn't know of principals. */
  principal: principalView.nullable().optional(),
  kind: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  subtaskId: id.nullable(),
  message: z.string().nullable(),
  /**
   * How many events of its kind and code it stands for: the first ones have a line each, further ones share one, with the subtask of the first
   * and the message of the last. Absent: one.
   */
  events: z.int().optional(),
  /** When the last of them was. Absent: it is the only one. */
  lastAt: instant.optional(),
});
export type EventView = z.infer<typeof eventView>;

export const eventsRequest = z.object({
  task: taskRef,
  /** Only events after this number. Default 0: from the first. */
  after: z.int().min(0).max(2_147_483_647).optional(),
  /** Page size, 1..500. Default 100. */
  limit: z.int().min(1).max(500).optional(),
});
export type EventsRequest = z.infer<typeof eventsRequest>;
export const eventsReply = z.object({ events: z.array(eventView), next: z.int().nullable() });
export type EventsReply = z.infer<typeof eventsReply>;

export const subtaskView = z.object({
  id,
  kind: z.string(),
  step: z.string(),
  ordinal: z.int(),
  /** `running`: a node has claimed it. Nodes claim more than they can start at once; `StepProgress` counts what has not started as pending. */
  state: z.string(),
  node: z.string(),
  attempt: z.int(),
  failures: z.int(),
  rows: z.int(),
  bytes: z.int(),
  error: wireError.nullable(),
  /** What it is doing, in the words of its type; null: it doesn't say, or doesn't run. */
  phase: z.string().nullable().optional(),
  /** What its attempt has counted so far; null: nothing, or it doesn't run. */
  summary: summary.nullable().optional(),
  /** What it waits for; null: nothing. */
  waiting: z.object({ code: z.string(), message: z.string(), since: instant }).nullable().optional(),
  /** Crashes of processes that it ran in, since it last got further; null: none, or it has ended. */
  crashes: z
    .object({
      /** Nodes whose executor crashed while it ran there, in order; after two it runs in a process of its own. */
      nodes: z.array(z.string()).readonly(),
      /** Nodes on which it crashed a process of its own, in order; the third one fails it. */
      alone: z.array(z.string()).readonly(),
    })
    .nullable()
    .optional(),
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
});
export type SubtaskView = z.infer<typeof subtaskView>;

export const subtasksRequest = z.object({
  task: taskRef,
  /** Only subtasks in these states. */
  states: z.array(z.string().max(64)).max(16).optional(),
  /** Only subtasks of this step. */
  step: z.string().max(64).optional(),
  /** Only subtasks with a larger id: the last id of the page before. */
  after: id.optional(),
  /** Page size, 1..500. Default 100. */
  limit: z.int().min(1).max(500).optional(),
});
export type SubtasksRequest = z.infer<typeof subtasksRequest>;
export const subtasksReply = z.object({ subtasks: z.array(subtaskView), next: id.nullable() });
export type SubtasksReply = z.infer<typeof subtasksReply>;
