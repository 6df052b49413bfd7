import { HIGHEST_MAX_SUBTASKS_PER_STEP } from '@longshore/core';
import { z } from 'zod';
import { taskSettings } from './task-settings.ts';
import { taskRef, taskView } from './task-payloads.ts';

const reason = z.string().max(1_000).optional();

export const cancelRequest = z.object({
  task: taskRef,
  reason,
  /** Leaves out hooks of its type that can't run or that hang; its events say which. Default false. */
  force: z.boolean().optional(),
});
export type CancelRequest = z.infer<typeof cancelRequest>;

/** Pause, resume, retry, skip, revert, restart, or end of a clean-up. */
export const controlRequest = z.object({ task: taskRef, reason });
export type ControlRequest = z.infer<typeof controlRequest>;

/** `changed: false`: the task already was as asked. */
export const controlReply = z.object({
  task: taskView,
  changed: z.boolean(),
  /** Number of the event of this request. Later events say what became of it. */
  event: z.int().optional(),
});
export type ControlReply = z.infer<typeof controlReply>;

/** What to change; at least one field. Null removes a limit. */
export const taskChanges = z
  .strictObject({
    priority: taskSettings.priority.optional(),
    slots: taskSettings.slots.optional(),
    slotsPerSubtask: taskSettings.slotsPerSubtask.optional(),
    maxNodes: taskSettings.maxNodes.nullable().optional(),
    runtimeSlots: taskSettings.runtimeSlots.nullable().optional(),
    selectors: taskSettings.selectors.nullable().optional(),
    onFailure: taskSettings.onFailure.optional(),
    throttle: taskSettings.throttle.nullable().optional(),
    retry: taskSettings.retry.optional(),
    subtaskTimeoutMs: taskSettings.subtaskTimeoutMs.nullable().optional(),
    stallTimeoutMs: taskSettings.stallTimeoutMs.nullable().optional(),
    deadlineMs: taskSettings.deadlineMs.nullable().optional(),
    /** Keys of the meta that the task type allows. */
    meta: z.record(z.string(), z.unknown()).optional(),
  })
  .refine((changes) => Object.values(changes).some((change) => change !== undefined), {
    message: 'name at least one thing to change',
  });

export const modifyRequest = z.object({ task: taskRef, changes: taskChanges, reason });
export type ModifyRequest = z.infer<typeof modifyRequest>;

/** Limits of the whole cluster. */
export const clusterLimits = z.object({
  /** Tasks that have slots at once. */
  maxScheduledTasks: z.int().min(1).max(1_000),
  /** Subtasks of one step at most; a task type may allow fewer. Absent: each type's own limit counts, or 1,000,000. */
  maxSubtasksPerStep: z.int().min(1).max(HIGHEST_MAX_SUBTASKS_PER_STEP).optional(),
});
export type ClusterLimits = z.infer<typeof clusterLimits>;

export const limitsRequest = z.object({});
/** Absent fields stay as they are. */
export const setLimitsRequest = clusterLimits
  .partial()
  .refine((limits) => Object.values(limits).some((limit) => limit !== undefined), {
    message: 'name at least one limit',
  });
export const limitsReply = z.object({ limits: clusterLimits });
export type LimitsReply = z.infer<typeof limitsReply>;
