import { taskLimitReason } from '@longshore/core';
import { ALL_QUEUES, isRowLocked, type OwnerWrites, type QueueWait, type ScheduledTask } from '@longshore/store';
import type { Admissions } from './admissions.ts';

/**
 * Why the tasks wait that stand behind those which a pass looked at: for the same as the last one of their queue that it did look at, and behind the task
 * with which the limit was reached for the limit.
 *
 * @param ranked in rank order.
 * @param limit tasks that have slots at once.
 */
export function waitsOfQueues(
  ranked: readonly ScheduledTask[],
  admissions: Admissions,
  limit: number,
): readonly QueueWait[] {
  const last = new Map<string, ScheduledTask>();
  for (const task of ranked) if (task.queue?.hasMore === true) last.set(task.queue.name, task);
  const waits = [...last].flatMap(([queue, { id: afterId }]): readonly QueueWait[] => {
    const waiting = admissions.get(afterId)?.waiting ?? null;
    return waiting === null ? [] : [{ queue, afterId, ...waiting }];
  });
  const admitted = ranked.filter((task) => (admissions.get(task.id)?.nodes.length ?? 0) > 0);
  const [afterId] = admitted.slice(-1).map((task) => task.id);
  if (waits.length === 0 || afterId === undefined || admitted.length < limit) return waits;
  return [{ queue: ALL_QUEUES, afterId, ...taskLimitReason(limit) }, ...waits];
}

/** Stores them when they are others than before, as long as this process leads. */
export class QueueWaits {
  readonly #writes: Pick<OwnerWrites, 'saveQueueWaits'>;
  /** What is stored, as text; null: nobody knows what the leader before has left. */
  #stored: string | null = null;

  constructor(writes: Pick<OwnerWrites, 'saveQueueWaits'>) {
    this.#writes = writes;
  }

  async save(waits: readonly QueueWait[]): Promise<void> {
    const text = JSON.stringify(waits);
    if (text === this.#stored) return;
    try {
      await this.#writes.saveQueueWaits(waits);
      this.#stored = text;
    } catch (error) {
      // The next pass finds the same.
      if (!isRowLocked(error)) throw error;
    }
  }
}
