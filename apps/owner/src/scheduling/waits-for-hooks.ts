import { eligibleNodes, type HookLoads, type NodeInfo } from '@longshore/core';
import type { AdmissionChange, ScheduledTask } from '@longshore/store';
import { isSameWait, type Admissions } from './admissions.ts';
import type { Moves } from './moves.ts';
import { waitForPlace } from './wait-for-place.ts';

/**
 * Says why the hook of a task that takes no part in the admission can't run, such as the revert of one that is being undone: no node can run it,
 * or its node has no place for it. Such a task has no slots to wait for.
 */
export function waitsForHooks(
  tasks: readonly ScheduledTask[],
  admissions: Admissions,
  moves: Moves,
  nodes: readonly NodeInfo[],
  hooks: HookLoads,
): readonly AdmissionChange[] {
  return tasks.flatMap((task) => {
    if (admissions.has(task.id)) return [];
    const hasHook = moves.get(task.id)?.do === 'insert-control' || task.controls.some((row) => row.state === 'pending');
    const waiting = hasHook ? (eligibleNodes(nodes, task).none ?? waitForPlace(task, hooks)) : null;
    return isSameWait(waiting, task.waiting) ? [] : [{ taskId: task.id, reservedNodes: null, waiting }];
  });
}
