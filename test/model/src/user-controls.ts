import {
  isTaskTransition,
  LongshoreError,
  TASK_TRANSITIONS,
  type TaskChanges,
  type TaskState,
  type TaskTrigger,
} from '@longshore/core';
import {
  cancelTask,
  modifyTask,
  pauseTask,
  resumeTask,
  retryTask,
  revertTask,
  skipFailed,
  type ControlResult,
  type Db,
} from '@longshore/store';
import type { World } from './world.ts';

/** What a person asks of a task. */
export type Control =
  | { readonly on: 'pause' | 'resume' | 'retry' | 'skip' | 'revert' }
  | { readonly on: 'cancel'; readonly isForced: boolean }
  | { readonly on: 'modify'; readonly changes: TaskChanges };

function carryOut(db: Db, id: string, control: Control): Promise<ControlResult> {
  switch (control.on) {
    case 'pause':
      return pauseTask(db, id, 'client', null);
    case 'resume':
      return resumeTask(db, id, 'client', null);
    case 'retry':
      return retryTask(db, id, 'client', null);
    case 'skip':
      return skipFailed(db, id, 'client', null);
    case 'revert':
      return revertTask(db, id, 'client', null);
    case 'cancel':
      return cancelTask(db, id, 'client', null, control.isForced);
    case 'modify':
      return modifyTask(db, id, control.changes, 'client', null);
  }
}

/**
 * Asks, and checks the answer against the table of transitions: it is taken where the table has it for the task's state, and refused with the
 * state's name where it hasn't. A skip may also be refused where a plan failed, and a resume where no revert has.
 */
export async function control(world: World, id: string, asked: Control): Promise<void> {
  const before = await stateOf(world, id);
  try {
    const answer = await carryOut(world.store.db, id, asked);
    if (world.isRacing || before === null || !answer.changed) return;
    const isForce = asked.on === 'cancel' && answer.state === before;
    if (!isForce && !isTaskTransition(before as TaskState, asked.on, answer.state as TaskState)) {
      throw new Error(`a task that is ${before} was asked to ${asked.on} and is ${answer.state}`);
    }
  } catch (thrown) {
    if (!LongshoreError.is(thrown)) throw thrown;
    if (thrown.code !== 'STATE_CONFLICT' && thrown.code !== 'TASK_NOT_FOUND') throw thrown;
    const depends = asked.on === 'skip' || (asked.on === 'resume' && before === 'awaiting-resolution');
    if (!world.isRacing && before !== null && !depends && isInTable(before, asked.on)) {
      throw new Error(`a task that is ${before} refused to ${asked.on}`, { cause: thrown });
    }
  }
}

/**
 * Asks for the n-th of what a person may ask of a task in its state, so that rare states are left by all of their ways.
 *
 * @param changes what a modification changes.
 */
export async function wish(world: World, id: string, n: number, changes: TaskChanges): Promise<void> {
  const state = await stateOf(world, id);
  const ways = [
    ...new Set(TASK_TRANSITIONS.filter((row) => row.from === state && row.by === 'user').map((row) => row.on)),
  ];
  const on = ways[n % Math.max(1, ways.length)];
  if (on === 'cancel') return control(world, id, { on, isForced: n % 3 === 0 });
  if (on === 'modify') return control(world, id, { on, changes });
  if (on === 'pause' || on === 'resume' || on === 'retry' || on === 'skip' || on === 'revert') {
    return control(world, id, { on });
  }
}

const isInTable = (from: string, on: TaskTrigger): boolean =>
  TASK_TRANSITIONS.some((row) => row.from === from && row.on === on && row.by === 'user');

async function stateOf({ session }: World, id: string): Promise<string | null> {
  const { rows } = await session.query<{ state: string }>('SELECT state FROM tasks WHERE id = $1', [id]);
  return rows[0]?.state ?? null;
}
