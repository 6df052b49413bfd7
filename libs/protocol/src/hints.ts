import { isId } from '@longshore/core';
import { z } from 'zod';
import { summary } from './task-payloads.ts';

/** Tasks that a hint names at most: beyond it looking is cheaper. */
export const MAX_HINTED_TASKS = 16;

/** Whoever reaches the bus may send one, so an id is an id: the store would refuse a look with any other. */
const id = z.string().refine(isId, 'expected a decimal id of 64 bits');

/**
 * Messages without a reply. Each only says "look now": the receiver reads the store, so a lost, late or doubled one
 * changes nothing but the time it takes.
 */
export const wakeHint = z.object({
  reason: z.string().max(1_000).optional(),
  /** To a node: tasks that may have something for it, so that it needs not look for them. */
  tasks: z.array(id).max(MAX_HINTED_TASKS).optional(),
});
export type WakeHint = z.infer<typeof wakeHint>;

/** To a node: look at the state of this task, whose work you may be running. */
export const controlHint = z.object({ taskId: id });
export type ControlHint = z.infer<typeof controlHint>;

/** To watchers of a task: it changed its state, or came further. */
export const taskHint = z.object({
  kind: z.enum(['state', 'progress']),
  state: z.string().max(64).optional(),
  /** With progress: what the subtasks that run on this node count, added up by name. */
  summary: summary.optional(),
});
export type TaskHint = z.infer<typeof taskHint>;
