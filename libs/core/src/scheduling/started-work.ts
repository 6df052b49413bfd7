/** Work of one task that a node has claimed, and the slots that the task has there. */
export interface ClaimedWork {
  readonly claimed: number;
  readonly slots: number;
  readonly slotsPerSubtask: number;
}

/**
 * How many of the claimed subtasks have started. A node claims ahead and starts what it has as soon as slots are free for it: as many run
 * as fit, and the rest waits.
 */
export function startedOf({ claimed, slots, slotsPerSubtask }: ClaimedWork): number {
  return Math.min(claimed, Math.floor(slots / slotsPerSubtask));
}

/**
 * How many have started on a node, never more than its slots have room for.
 *
 * @param slots those of the node.
 * @param work in order of rank: while slots are taken back, what goes first has them.
 */
export function startedOn(slots: number, work: readonly ClaimedWork[]): number {
  let free = slots;
  let started = 0;
  for (const one of work) {
    const of = startedOf({ ...one, slots: Math.min(one.slots, free) });
    free -= of * one.slotsPerSubtask;
    started += of;
  }
  return started;
}
