import { z } from 'zod';
import { summary } from './task-payloads.ts';

/** Tasks that a hint names at most: beyond it looking is cheaper. */
export const MAX_HINTED_TASKS = 16;

/**
 * Messages without a reply. Each only says "look now": the receiver reads the store, so a lost, late or doubled one
 * changes nothing but the time it takes.
 */
export const wakeHint = z.object({
  reason: z.string().optional(),
  /** To a node: tasks that may have something for it, so that it needs not look for them. */
  tasks: z.array(z.string()).max(MAX_HINTED_TASKS).optional(),
});
export type WakeHint = z.infer<typeof wakeHint>;

/** To a node: look at the state of this task, whose work you may be running. */
export const controlHint = z.object({ taskId: z.string() });
export type ControlHint = z.infer<typeof controlHint>;

/** To watchers of a task: it changed its state, or came further. */
export const taskHint = z.object({
  kind: z.enum(['state', 'progress']),
  state: z.string().optional(),
  /** With progress: what the subtasks that run on this node count, added up by name. */
  summary: summary.optional(),
});
export type TaskHint = z.infer<typeof taskHint>;
