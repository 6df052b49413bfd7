import { isKnownSubtaskKind, SUBTASK_KINDS } from './subtask-kinds.ts';

/**
 * Whether a subtask of this kind may start while its task is in this state; never where this build doesn't know the kind. Whether it
 * may go on says `stopReasonOf`.
 */
export function isClaimable(kind: string, taskState: string): boolean {
  return isKnownSubtaskKind(kind) && (SUBTASK_KINDS[kind].claimableIn as readonly string[]).includes(taskState);
}
