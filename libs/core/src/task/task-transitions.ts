import type { TaskState } from './task-states.ts';

/** What makes a task change its state. */
export type TaskTrigger =
  | 'plan' // a step was planned and becomes current
  | 'finish' // the last step is done and the finish hook has run
  | 'fail' // a subtask or a hook failed for good
  | 'refuse' // the framework cannot run the task
  | 'cancel' // a user wants it undone
  | 'stop' // a cancelled task's work is being stopped
  | 'undo' // the revert hook has run, or there is none
  | 'pause'
  | 'suspend' // all its errors have codes that pause a task
  | 'settle' // no work of a pausing task runs any more
  | 'resume'
  | 'continue' // a resuming task's paused subtasks are pending again
  | 'modify'
  | 'apply' // a modification is written
  | 'drop' // the task type refused it
  | 'retry' // resolution: the failed subtasks are pending again
  | 'skip' // resolution: the task continues without its failed subtasks
  | 'revert'; // resolution: the task is undone

/** A condition beyond the state, decided by the caller under the task's row lock. */
export type TaskGuard =
  | 'no hook ran'
  | 'a hook ran'
  | 'onFailure is revert'
  | 'onFailure is hold'
  | 'it was pending'
  | 'it was running'
  | 'it was paused'
  | 'it awaited resolution'
  | 'a revert failed'
  | 'a step failed'
  | 'a plan failed'
  | 'a finish hook failed';

export interface TaskTransition {
  readonly from: TaskState;
  readonly on: TaskTrigger;
  readonly to: TaskState;
  readonly by: 'user' | 'owner';
  readonly guard?: TaskGuard;
}

const t = (from: TaskState, on: TaskTrigger, to: TaskState, by: 'user' | 'owner', guard?: TaskGuard): TaskTransition =>
  guard === undefined ? { from, on, to, by } : { from, on, to, by, guard };

/**
 * The whole task machine as data: all transitions. The store refuses any other, the owner asks it what
 * follows, and the documentation's diagram is drawn from it.
 */
export const TASK_TRANSITIONS: readonly TaskTransition[] = [
  t('pending', 'plan', 'running', 'owner'),
  t('pending', 'fail', 'reverting', 'owner', 'onFailure is revert'),
  t('pending', 'fail', 'awaiting-resolution', 'owner', 'onFailure is hold'),
  t('pending', 'refuse', 'failed', 'owner'),
  t('pending', 'cancel', 'reverted', 'user', 'no hook ran'),
  t('pending', 'cancel', 'cancelling', 'user', 'a hook ran'),
  t('pending', 'pause', 'pausing', 'user'),
  t('pending', 'modify', 'modifying', 'user'),
  t('running', 'plan', 'running', 'owner'),
  t('running', 'finish', 'succeed', 'owner'),
  t('running', 'fail', 'awaiting-resolution', 'owner', 'a finish hook failed'),
  t('running', 'fail', 'reverting', 'owner', 'onFailure is revert'),
  t('running', 'fail', 'awaiting-resolution', 'owner', 'onFailure is hold'),
  t('running', 'cancel', 'cancelling', 'user'),
  t('running', 'pause', 'pausing', 'user'),
  t('running', 'suspend', 'pausing', 'owner'),
  t('running', 'modify', 'modifying', 'user'),
  t('cancelling', 'stop', 'reverting', 'owner'),
  t('reverting', 'undo', 'reverted', 'owner'),
  t('reverting', 'fail', 'awaiting-resolution', 'owner', 'a revert failed'),
  t('awaiting-resolution', 'retry', 'running', 'user', 'a step failed'),
  t('awaiting-resolution', 'retry', 'running', 'user', 'a plan failed'),
  t('awaiting-resolution', 'retry', 'running', 'user', 'a finish hook failed'),
  t('awaiting-resolution', 'retry', 'pending', 'user', 'it was pending'),
  t('awaiting-resolution', 'retry', 'reverting', 'user', 'a revert failed'),
  t('awaiting-resolution', 'skip', 'running', 'user', 'a step failed'),
  t('awaiting-resolution', 'skip', 'succeed', 'user', 'a finish hook failed'),
  t('awaiting-resolution', 'skip', 'reverted', 'user', 'a revert failed'),
  t('awaiting-resolution', 'resume', 'resuming', 'user', 'a revert failed'),
  t('awaiting-resolution', 'revert', 'reverting', 'user'),
  t('awaiting-resolution', 'cancel', 'cancelling', 'user'),
  t('awaiting-resolution', 'modify', 'modifying', 'user'),
  t('pausing', 'settle', 'paused', 'owner'),
  t('pausing', 'cancel', 'cancelling', 'user'),
  t('paused', 'resume', 'resuming', 'user'),
  t('paused', 'cancel', 'cancelling', 'user'),
  t('paused', 'modify', 'modifying', 'user'),
  t('resuming', 'continue', 'running', 'owner', 'it was running'),
  t('resuming', 'continue', 'pending', 'owner', 'it was pending'),
  t('resuming', 'cancel', 'cancelling', 'user'),
  t('modifying', 'apply', 'pending', 'owner', 'it was pending'),
  t('modifying', 'apply', 'running', 'owner', 'it was running'),
  t('modifying', 'apply', 'paused', 'owner', 'it was paused'),
  t('modifying', 'apply', 'awaiting-resolution', 'owner', 'it awaited resolution'),
  t('modifying', 'drop', 'pending', 'owner', 'it was pending'),
  t('modifying', 'drop', 'running', 'owner', 'it was running'),
  t('modifying', 'drop', 'paused', 'owner', 'it was paused'),
  t('modifying', 'drop', 'awaiting-resolution', 'owner', 'it awaited resolution'),
  t('modifying', 'cancel', 'cancelling', 'user'),
];

/** Whether the table has this transition under any guard: what the store checks before it writes. */
export function isTaskTransition(from: TaskState, on: TaskTrigger, to: TaskState): boolean {
  return TASK_TRANSITIONS.some((row) => row.from === from && row.on === on && row.to === to);
}

/**
 * The state that a trigger leads to, or null where the table doesn't allow it.
 *
 * @param guards the conditions that hold now; a row with a guard is taken only when its guard is among them.
 */
export function nextTaskState(from: TaskState, on: TaskTrigger, guards: readonly TaskGuard[] = []): TaskState | null {
  const row = TASK_TRANSITIONS.find(
    (row) => row.from === from && row.on === on && (row.guard === undefined || guards.includes(row.guard)),
  );
  return row?.to ?? null;
}
