import { taskId, type Ranked, type RuntimeSlots } from '@longshore/core';

/** A task that may have work for this node. */
export interface ClaimableTask {
  readonly id: string;
  readonly priority: number;
  readonly createdAtMs: number;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly runtimeSlots: RuntimeSlots | null;
  readonly step: string | null;
}

/** What gives a task its rank on this node. */
export type RankedTask = Pick<ClaimableTask, 'id' | 'priority' | 'createdAtMs'>;

export function rankOf(task: RankedTask): Ranked {
  return { id: taskId(task.id), priority: task.priority, createdAtMs: task.createdAtMs };
}
