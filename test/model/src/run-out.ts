import { retryTask, revertTask, modifyTask, resumeTask, skipFailed } from '@longshore/store';
import { ALL, balance, claim, manage, partition, pass } from './actions.ts';
import type { World } from './world.ts';

/** Passes within which everything is over: the longest way of a task takes about forty. */
const MOST_PASSES = 120;

/** What a person decides for held tasks, in turn: what doesn't help the first time is followed by the next. */
export type Resolution = 'retry' | 'skip' | 'revert';

const ANSWERS = { rows: 2, isIdempotent: true, slots: 1 } as const;

/**
 * Lets everything go on without trouble until nothing is left: nodes are up, nothing fails, paused tasks are resumed and held ones resolved.
 *
 * @throws {Error} when a task is stuck, with the rows.
 */
export async function runOut(world: World, resolutions: readonly Resolution[]): Promise<void> {
  for (const name of ['n1', 'n2']) await world.join(name, 8);
  // What is down by now stays so, and its lease ends.
  if (!world.nodes.has('n3')) await partition(world, 'n3', true);
  let turn = 0;
  for (let passes = 0; passes < MOST_PASSES; passes++) {
    const { rows: open } = await world.session.query<{ id: string; state: string }>(
      'SELECT id, state FROM tasks ORDER BY id',
    );
    if (open.length === 0) return;
    for (const { id, state } of open) {
      if (state === 'paused') await resumeTask(world.store.db, id, 'client', null);
      if (state === 'awaiting-resolution')
        await resolve(world, id, resolutions[turn++ % resolutions.length] ?? 'revert');
    }
    await oneRound(world);
    await world.look();
  }
  const left: unknown[] = [];
  for (const table of ['tasks', 'subtasks', 'nodes'])
    left.push((await world.session.query(`SELECT * FROM ${table}`)).rows);
  throw new Error(`tasks are stuck after ${MOST_PASSES} passes: ${JSON.stringify(left, null, 1)}`);
}

/** Everybody has a turn. */
async function oneRound(world: World): Promise<void> {
  await manage(world);
  await balance(world);
  await pass(world);
  for (const executor of world.zombies.splice(0)) await executor.end(ALL, 'succeed', ANSWERS);
  for (const [name, executor] of world.nodes) {
    await executor.reconcile();
    await executor.obey();
    await claim(world, name);
    await executor.end(ALL, 'succeed', ANSWERS);
  }
}

async function resolve({ store: { db } }: World, id: string, resolution: Resolution): Promise<void> {
  switch (resolution) {
    case 'retry':
      await retryTask(db, id, 'client', null);
      return;
    case 'skip':
      // What can't be skipped is changed and tried again: a modification of a held task is a way of its own.
      await skipFailed(db, id, 'client', null).catch(() =>
        modifyTask(db, id, { slots: 1, slotsPerSubtask: 1 }, 'client', null),
      );
      return;
    case 'revert':
      await revertTask(db, id, 'client', null);
  }
}
