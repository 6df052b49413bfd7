import { runtimeSlotsOf } from '@longshore/core';
import type { TaskForRunner } from '@longshore/store';
import type { ClaimPlanner } from '../claiming/claim-planner.ts';
import type { SlotManager } from '../running/slot-manager.ts';
import type { TaskWork } from '../running/task-work.ts';

/** What a change of slots needs of this node. */
export interface ChangeContext {
  readonly slots: SlotManager;
  readonly planner: Pick<ClaimPlanner, 'freeFor'>;
  readonly memoryOf: (slots: number) => number;
}

/**
 * Tells what runs here of a task what a modification changed: its meta, its budget, its slots. Nothing is stopped for it.
 *
 * With fewer slots a subtask is told first and its slots are freed then; with more they are taken first, and given back when it can't
 * use them.
 *
 * @returns whether all of it has taken effect; false: lower-ranked work was asked to make room, so it is to be tried again soon.
 * @throws what the type's hooks throw: to be tried again.
 */
export async function applyTaskChanges(
  work: TaskWork,
  fresh: TaskForRunner,
  { slots, planner, memoryOf }: ChangeContext,
): Promise<boolean> {
  const isNewMeta = JSON.stringify(fresh.meta) !== JSON.stringify(work.task.meta);
  const isThrottled = fresh.throttle !== null || fresh.gates.length > 0;
  work.throttle.update(fresh.throttle ?? {});
  await work.runner.modify({ taskId: fresh.id, isThrottled, ...(isNewMeta ? { meta: fresh.meta } : {}) });
  const steps = new Set([...work.runs.values()].flatMap(({ lane, claimed }) => (lane === null ? [] : claimed.step)));
  for (const step of steps) {
    const wanted = runtimeSlotsOf(fresh, step).slotsPerSubtask;
    const lanes = [...work.lanes()].flatMap(([lane, runs]) =>
      // A turn is over before anything could be told to it.
      lane.turn === null && lane.slots !== wanted && runs[0]?.claimed.step === step ? [lane] : [],
    );
    if (lanes.length === 0) continue;
    const more = lanes.reduce((sum, lane) => sum + Math.max(0, wanted - lane.slots), 0);
    const missing = more - slots.free;
    // What runs goes on with what it has; subtasks that start later have what they should.
    if (missing > 0) return !planner.freeFor(fresh, missing);
    slots.take(fresh.id, more);
    const before = lanes.map((lane) => lane.slots);
    const isConformed = await work.runner
      .modify({ taskId: fresh.id, resource: { step, slots: wanted, memoryBytes: memoryOf(wanted) } })
      .catch((error: unknown) => {
        slots.release(fresh.id, more);
        throw error;
      });
    if (!isConformed) {
      slots.release(fresh.id, more);
      continue;
    }
    // A lane that was given up meanwhile has freed what it had before.
    const isOpen = (index: number): boolean => (lanes[index]?.open ?? 0) > 0;
    before.forEach((had, index) => {
      const lane = lanes[index];
      if (lane === undefined) return;
      if (!isOpen(index)) slots.release(fresh.id, Math.max(0, wanted - had));
      else {
        slots.release(fresh.id, Math.max(0, had - wanted));
        lane.slots = wanted;
      }
    });
  }
  return true;
}
