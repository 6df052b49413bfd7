import {
  decideTask,
  eligibleNodes,
  needsPlacement,
  SubtaskKind,
  type NodeInfo,
  type TaskId,
  type TaskMove,
} from '@longshore/core';
import { membershipOf, type ScheduledTask } from '@longshore/store';
import type { KnownType } from '../types/known-type.ts';
import type { Admissions } from './admissions.ts';

/** The next move of each task. A task whose type can't be run is missing: it is refused. */
export type Moves = ReadonlyMap<TaskId, TaskMove>;

/** Moves after which a task usually waits for a node. */
export const WAITS_FOR_NODES: ReadonlySet<TaskMove['do']> = new Set(['insert-control', 'consume-plan', 'end-side']);

/** Moves after which nodes look at what they run: it may have to stop, or is told of a change. */
export const CONCERNS_NODES: ReadonlySet<TaskMove['do']> = new Set(['stop', 'fail', 'suspend', 'apply', 'end-side']);

/** Decides the next move of every task. */
export function decideMoves(
  ranked: readonly ScheduledTask[],
  types: ReadonlyMap<TaskId, KnownType | null>,
  admissions: Admissions,
  nodes: readonly NodeInfo[],
): Moves {
  const moves = new Map<TaskId, TaskMove>();
  for (const task of ranked) {
    const type = types.get(task.id) ?? null;
    if (type === null) continue;
    const isAdmitted = (admissions.get(task.id)?.nodes.length ?? 0) > 0;
    // Only what is undone by force asks for it; of a thousand that wait it would be looked up in vain.
    const hasNode = !task.isForced || eligibleNodes(nodes, task).none === null;
    const isToBePlaced = needsPlacement(task, type, () => membershipFor(task, nodes));
    const move = decideTask({ ...task, isAdmitted, hasNode, type, needsPlacement: isToBePlaced });
    const waits = move.do === 'insert-control' && move.kind === SubtaskKind.prepare && admissions.get(task.id)?.waiting;
    moves.set(task.id, waits ? { do: 'wait' } : move);
  }
  return moves;
}

/** Names the nodes that a task could use, without regard to its type's placement. */
export function membershipFor(task: ScheduledTask, nodes: readonly NodeInfo[]): string {
  return membershipOf(eligibleNodes(nodes, task).nodes);
}
