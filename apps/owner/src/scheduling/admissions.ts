import {
  eligibleNodes,
  placementInForce,
  reserveInRankOrder,
  type Admission,
  type HookLoads,
  type NodeId,
  type NodeInfo,
  type PinnedSlots,
  type TaskId,
  type WaitReason,
} from '@longshore/core';
import type { AdmissionChange, ScheduledTask } from '@longshore/store';
import type { KnownType } from '../types/known-type.ts';
import { waitForPlace } from './wait-for-place.ts';

/** Who has slots where, and why the others wait. A task that takes no part is missing. */
export type Admissions = ReadonlyMap<TaskId, Admission>;

/** What changes for a task that takes part in the admission. */
export type SlotChange = AdmissionChange & { readonly taskId: TaskId; readonly reservedNodes: readonly NodeId[] };

/** What slots there are to give. */
export interface AdmissionInput {
  readonly nodes: readonly NodeInfo[];
  readonly maxScheduledTasks: number;
  /** Slots that nobody may take back. */
  readonly pinned: readonly PinnedSlots[];
}

/**
 * Tasks that are being prepared at once, at most: enough for all places of 250 nodes. The hooks of more would wait on their nodes all the same, and
 * each pass would look at all of them.
 */
const MOST_PREPARING = 1_000;

const TOO_MANY_PREPARING: WaitReason = {
  code: 'NO_PLACE',
  message: `prepare waits: ${MOST_PREPARING} tasks before it are still to be prepared`,
};

/**
 * Decides who has slots. A task that is still to be prepared takes no part, since `prepare` may change what it needs; it only says when no
 * node could prepare it, or too many go before it.
 */
export function admitInRankOrder(
  ranked: readonly ScheduledTask[],
  types: ReadonlyMap<TaskId, KnownType | null>,
  { nodes, maxScheduledTasks, pinned }: AdmissionInput,
): Admissions {
  const isUnprepared = (task: ScheduledTask): boolean =>
    task.state === 'pending' && !task.isPrepared && mayHavePrepare(types.get(task.id));
  const scheduled = ranked.filter(
    (task) => task.isValidated && (task.state === 'running' || task.state === 'pending' || keepsSlots(task)),
  );
  const admissions = [
    ...reserveInRankOrder(
      scheduled.filter((task) => !isUnprepared(task)).map((task) => ({ ...task, placement: placementInForce(task) })),
      nodes,
      maxScheduledTasks,
      pinned,
    ),
    ...scheduled.filter(isUnprepared).map((task, before) => ({
      taskId: task.id,
      nodes: [],
      waiting: eligibleNodes(nodes, task).none ?? (mustWaitToPrepare(task, before) ? TOO_MANY_PREPARING : null),
    })),
  ];
  return new Map(admissions.map((admission) => [admission.taskId, admission]));
}

/** @param before how many tasks that are to be prepared go before it. */
function mustWaitToPrepare({ controls }: ScheduledTask, before: number): boolean {
  return before >= MOST_PREPARING && controls.length === 0;
}

/** @param type undefined: it could not be read in this pass. */
function mayHavePrepare(type: KnownType | null | undefined): boolean {
  return type === undefined || type?.hooks.includes('prepare') === true;
}

/** A task that is being modified keeps its slots, because its work continues. */
function keepsSlots({ state, modification }: ScheduledTask): boolean {
  return state === 'modifying' && (modification?.from === 'running' || modification?.from === 'pending');
}

/** What is different from what is stored, so that a pass without news writes nothing. */
export function changesOfAdmissions(
  tasks: readonly ScheduledTask[],
  admissions: Admissions,
  hooks: HookLoads,
): readonly SlotChange[] {
  return tasks.flatMap((task) => {
    const admission = admissions.get(task.id);
    if (admission === undefined) return [];
    const waiting = admission.waiting ?? waitForPlace(task, hooks);
    const isSame = admission.nodes.join() === task.reserved.join() && isSameWait(waiting, task.waiting);
    return isSame ? [] : [{ taskId: task.id, reservedNodes: admission.nodes, waiting }];
  });
}

/** Whether a task waits for what it was known to wait for. */
export function isSameWait(found: AdmissionChange['waiting'], stored: AdmissionChange['waiting']): boolean {
  return found?.code === stored?.code && found?.message === stored?.message;
}
