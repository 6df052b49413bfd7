import { isKnownSubtaskKind, SUBTASK_KINDS, type SubtaskKind } from './subtask-kinds.ts';

/** Places that control subtasks without any of their own share on a node: enough for a burst of small tasks, little enough memory. */
export const SHARED_PLACES = 4;

/** A kind with places of its own, or `shared`. */
export type HookPlace = SubtaskKind | 'shared';

/** Which of a node's places a control subtask takes. One of a kind that this build doesn't know counts as `shared`. */
export function placeOf(kind: string): HookPlace {
  return isKnownSubtaskKind(kind) && typeof SUBTASK_KINDS[kind].allowance === 'number' ? kind : 'shared';
}

/** How many such places each node has. */
export function placesOf(place: HookPlace): number {
  return place === 'shared' ? SHARED_PLACES : Number(SUBTASK_KINDS[place].allowance);
}
