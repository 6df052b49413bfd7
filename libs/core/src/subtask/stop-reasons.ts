import { isKnownSubtaskKind, SUBTASK_KINDS, type SubtaskKindInfo } from './subtask-kinds.ts';
import { isKnownTaskState } from '../task/task-states.ts';

/** Why a running subtask is asked to stop. */
export const STOP_REASONS = ['cancel', 'pause', 'preempt', 'move', 'shutdown', 'lost-lease', 'timeout'] as const;
export type StopReason = (typeof STOP_REASONS)[number];

/**
 * What becomes of a subtask that was stopped:
 * - `canceled`: it has ended.
 * - `paused`: it waits with its checkpoint until its task is resumed.
 * - `pending`: it is handed back with its checkpoint, to run here or elsewhere.
 * - `failure`: it counts as failed, so the retry policy decides.
 * - `failed`: it has failed for good, because nobody knows how far it came.
 * - `left`: its holder writes nothing; another holder has the row, or the node-manager frees it.
 * - `not stopped`: it runs to its end.
 */
export type StopEffect = 'canceled' | 'paused' | 'pending' | 'failure' | 'failed' | 'left' | 'not stopped';

/** One row per reason: what it means for a subtask that may simply be run again, and for one that may not. */
export const STOP_EFFECTS: Readonly<
  Record<StopReason, { readonly when: string; readonly idempotent: StopEffect; readonly nonIdempotent: StopEffect }>
> = {
  cancel: { when: 'its task is being undone', idempotent: 'canceled', nonIdempotent: 'canceled' },
  pause: { when: 'its task is being paused', idempotent: 'paused', nonIdempotent: 'not stopped' },
  preempt: { when: 'a higher-ranked task takes its slots', idempotent: 'pending', nonIdempotent: 'not stopped' },
  move: { when: 'its task has left this node, at a checkpoint', idempotent: 'pending', nonIdempotent: 'not stopped' },
  shutdown: { when: 'its executor is being stopped', idempotent: 'pending', nonIdempotent: 'not stopped' },
  'lost-lease': { when: 'its node could not renew its lease', idempotent: 'left', nonIdempotent: 'failed' },
  timeout: { when: 'it ran for too long, or made no progress', idempotent: 'failure', nonIdempotent: 'failed' },
};

/** What a stop for this reason means for a subtask. */
export function stopEffect(reason: StopReason, isIdempotent: boolean): StopEffect {
  const row = STOP_EFFECTS[reason];
  return isIdempotent ? row.idempotent : row.nonIdempotent;
}

/**
 * Why a running subtask has to stop for the state of its task; null: it may go on. What each kind does in which state is in
 * `SUBTASK_KINDS`; in a state or of a kind that this build doesn't know it goes on.
 *
 * @param taskState `gone` when the task has left for history.
 * @param hasOthers whether something of the task is left that its revert waits for besides side subtasks; only asked while it is
 * `reverting`.
 */
export function stopReasonOf(kind: string, taskState: string, hasOthers = true): 'cancel' | 'pause' | null {
  if (!isKnownSubtaskKind(kind)) return null;
  if (taskState === 'gone') return 'cancel';
  if (!isKnownTaskState(taskState)) return null;
  const { claimableIn, goesOnIn, pausedIn, lastsUntilRevert }: SubtaskKindInfo = SUBTASK_KINDS[kind];
  if (taskState === 'reverting' && lastsUntilRevert && hasOthers) return null;
  if (claimableIn.includes(taskState) || goesOnIn.includes(taskState)) return null;
  return pausedIn.includes(taskState) ? 'pause' : 'cancel';
}
