import { PRIORITY } from '@longshore/core';
import { z } from 'zod';
import { throttleLimits } from './throttle-payloads.ts';

/** Slots on a node. */
const slots = z.int().min(1).max(4_096);
/** The longest time that is taken, in milliseconds: a year. */
const MAX_MS = 31_536_000_000;

/** The name of a label of a node. */
export const label = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/, 'expected a label: letters, digits, "_", ".", "/" and "-"');
/** Its value. */
export const labelValue = z.string().max(63);

/** A condition on the labels of a node. */
export const labelSelector = z.discriminatedUnion('op', [
  z.object({ label, op: z.literal('='), value: labelValue }),
  z.object({ label, op: z.literal('!='), value: labelValue }),
  z.object({ label, op: z.literal('in'), values: z.array(labelValue).min(1).max(64) }),
  z.object({ label, op: z.literal('exists') }),
]);

/** A cap below what a task reserved, on each node. */
export const runtimeSlots = z.object({
  max: slots,
  /** Only in these steps. Default: in all of them. */
  steps: z.array(z.string().min(1).max(64)).min(1).max(64).optional(),
});

/** How failing work is tried again; what is absent is the type's. */
export const retryChanges = z.object({
  /** Failures after which it fails for good. */
  maxFailures: z.int().min(1).max(1_000_000).optional(),
  /** Wait after the first failure, in milliseconds. */
  initialMs: z.int().min(0).max(86_400_000).optional(),
  /** Each further wait is this many times the one before. */
  factor: z.number().min(1).max(100).optional(),
  /** The longest wait, in milliseconds. */
  maxMs: z.int().min(0).max(604_800_000).optional(),
  /** Share of the wait that is drawn at random. */
  jitter: z.number().min(0).max(1).optional(),
  /** Error codes that are never tried again. */
  nonRetryableCodes: z.array(z.string().min(1).max(128)).max(64).optional(),
});

const timeout = z.int().min(100).max(2_147_483_647);

/** What a submit and a modification share. */
export const taskSettings = {
  /** 1..1024, lower goes first. */
  priority: z.int().min(PRIORITY.min).max(PRIORITY.max),
  slots,
  /** Slots of one subtask. */
  slotsPerSubtask: slots,
  /** The most nodes. */
  maxNodes: z.int().min(1).max(100_000),
  /** A cap on what it uses of its slots. */
  runtimeSlots,
  /** Only nodes whose labels fit all of these. */
  selectors: z.array(labelSelector).min(1).max(32),
  onFailure: z.enum(['revert', 'hold']),
  throttle: throttleLimits,
  retry: retryChanges,
  /** How long one attempt of a subtask may run, in milliseconds; beyond it counts as a failure. */
  subtaskTimeoutMs: timeout,
  /** How long one may go without a sign of progress and without a reason to wait, in milliseconds; beyond it counts as a failure. */
  stallTimeoutMs: timeout,
  /** How long the task may take from its submit, in milliseconds, paused time not counted. */
  deadlineMs: z.int().min(1).max(MAX_MS),
} as const;
