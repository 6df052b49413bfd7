import type { ErrorData } from '@longshore/core';
import type { TaskForRunner } from '@longshore/store';
import type { Effect } from '../node/effects.ts';
import { isIdle, type NodeState } from '../node/node-state.ts';
import { isOutdated, newLocalTask, type LocalTask } from '../running/local-task.ts';
import type { Opened, Waiter } from './opening.ts';

/**
 * Makes sure that a task has a live runner here.
 *
 * @param fresh the task as it was claimed, because something may have changed it: for control subtasks.
 */
export function openTask(
  state: NodeState,
  taskId: string,
  fresh: TaskForRunner | null,
  waiter: Waiter,
  then: Opened,
  at: number,
  effects: Effect[],
): void {
  const opening = state.opening.get(taskId);
  if (opening !== undefined) {
    // Work that is claimed asks for its runner with every event.
    const isAsking = waiter.for === 'claimed work' && opening.waiters.some((one) => one.for === 'claimed work');
    if (!isAsking) opening.waiters.push(waiter);
    return;
  }
  const known = state.tasks.get(taskId);
  if (known?.isAlive === true && fresh === null && !isOutdated(known)) {
    then.opened(known, waiter);
    return;
  }
  state.opening.set(taskId, { waiters: [waiter] });
  if (fresh === null) effects.push({ do: 'read-task', taskId });
  else taskRead(state, taskId, fresh, then, at, effects);
}

/**
 * A task that is to be opened was read. Its runner is the one that it has, that of a task which has nothing here now, or one from the pool.
 */
export function taskRead(
  state: NodeState,
  taskId: string,
  task: TaskForRunner | null,
  then: Opened,
  at: number,
  effects: Effect[],
): void {
  if (task === null) {
    for (const waiter of takeWaiters(state, taskId)) then.gone(waiter);
    return;
  }
  const known = state.tasks.get(taskId);
  if (known?.isAlive === true) {
    renew(known, task, at);
    tellWaiters(state, known, then);
    return;
  }
  const idle = findIdle(state, task);
  if (idle === undefined) {
    effects.push({ do: 'take-runner', task });
    return;
  }
  state.tasks.delete(idle.task.id);
  effects.push({ do: 'move-runner', from: idle.task.id, task });
  runnerTaken(state, task, idle.runnerSlots, then, at);
}

/** A task has a runner. @param runnerSlots the slots whose memory it has. */
export function runnerTaken(
  state: NodeState,
  task: TaskForRunner,
  runnerSlots: number,
  then: Opened,
  at: number,
): void {
  let local = state.tasks.get(task.id);
  if (local === undefined) {
    local = newLocalTask(task, runnerSlots, at);
    state.tasks.set(task.id, local);
  } else {
    local.isAlive = true;
    local.isReusable = true;
    local.runnerSlots = runnerSlots;
    renew(local, task, at);
    // What comes into a new runner is started as the task is now.
    local.told = local.task;
  }
  tellWaiters(state, local, then);
}

export function notOpened(state: NodeState, taskId: string, error: ErrorData, then: Opened): void {
  for (const waiter of takeWaiters(state, taskId)) then.failed(waiter, taskId, error);
}

/** Takes a task over as it was read. If it was read before, that was an older one. */
export function renew(local: LocalTask, task: TaskForRunner, at: number): void {
  if (task.version <= local.task.version) return;
  local.task = task;
  local.hasLeft = false;
  local.idleSince = at;
}

/**
 * Has the runners of tasks looked at that have nothing here now. Not with each end: a runner that is empty for a moment costs a third of a
 * millisecond each time, which is more than a small subtask.
 */
export function checkIdleRunners(state: NodeState, effects: Effect[]): void {
  for (const local of state.tasks.values()) {
    if (local.isReusable || local.isBeingChecked || !local.isAlive || !isIdle(state, local)) continue;
    local.isBeingChecked = true;
    effects.push({ do: 'check-runner', taskId: local.task.id });
  }
}

/**
 * Finds a task of the type that has nothing here now and whose runner is large enough, the smallest of these: larger ones stay for larger
 * tasks. Otherwise a burst of small tasks would start a worker each, while the workers of earlier tasks wait to be given back.
 */
function findIdle(state: NodeState, { id, type, slots }: TaskForRunner): LocalTask | undefined {
  let found: LocalTask | undefined;
  for (const local of state.tasks.values()) {
    const fits = local.task.id !== id && local.task.type === type && local.runnerSlots >= slots;
    const isFree = local.isAlive && local.isReusable && isIdle(state, local);
    if (fits && isFree && local.runnerSlots < (found?.runnerSlots ?? Infinity)) found = local;
  }
  return found;
}

function takeWaiters(state: NodeState, taskId: string): readonly Waiter[] {
  const waiters = state.opening.get(taskId)?.waiters ?? [];
  state.opening.delete(taskId);
  return waiters;
}

function tellWaiters(state: NodeState, local: LocalTask, then: Opened): void {
  for (const waiter of takeWaiters(state, local.task.id)) {
    // What it was claimed with may be newer than what was asked for first.
    if (waiter.for === 'control' && waiter.run.claimed.task !== null) {
      const { task } = waiter.run.claimed;
      if (task.version > local.task.version) renew(local, task, local.idleSince);
    }
    then.opened(local, waiter);
  }
}
