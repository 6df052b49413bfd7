import { DEADLINE_EXCEEDED, type TaskChanges } from '@longshore/core';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import {
  beginUndo,
  cancelTask,
  claimSubtasks,
  endCleanUp,
  modifyTask,
  pauseTask,
  readEvents,
  readPinnedSlots,
  readProgress,
  readSchedulingSnapshot,
  readSettings,
  readSubtasks,
  readTask,
  readTaskForRunner,
  readTaskStates,
  resumeTask,
  retryTask,
  revertTask,
  saveCheckpoint,
  saveSettings,
  skipFailed,
  sweepOrphans,
  type ClaimedSubtask,
  type Db,
  type NewTask,
  type NodeIdentity,
  type OwnerWrites,
} from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  claimPlan,
  controlsOf,
  FAILURE,
  lead,
  leadingOwner,
  planStep,
  settle,
  submit,
  SUCCEEDED,
} from './fixtures/tasks.ts';

const server = useStoreServer();

interface Running {
  readonly db: Db;
  readonly owner: OwnerWrites;
  readonly node: NodeIdentity;
  readonly id: string;
}

/** A running task with `rows` pending subtasks on one node. */
async function running(rows: number, change: Partial<NewTask> = {}): Promise<Running> {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const node = await addNode(db, 'n1');
  const id = await submit(db, change);
  await planStep(db, owner, node, id, { rows });
  return { db, owner, node, id };
}

async function statesOf(db: Db, id: string): Promise<string[]> {
  const rows = await db.selectFrom('subtasks').select('state').where('task_id', '=', id).orderBy('id').execute();
  return rows.map((row) => row.state);
}

const stateOf = async (db: Db, id: string): Promise<string | undefined> => (await readTask(db, id))?.state;

async function kindsOf(db: Db, id: string): Promise<string[]> {
  return (await readEvents(db, id, 0, 999)).map(({ kind, from, to }) => `${kind} ${from ?? '-'} ${to ?? '-'}`);
}

const user = 'client';

describe('a pause', () => {
  test('is one update: pending rows stay as they are, and nothing can be claimed', async () => {
    const { db, node, id } = await running(5);
    expect(await pauseTask(db, id, user, 'lunch')).toMatchObject({ changed: true, state: 'pausing' });
    expect(await claim(db, node, id, 9)).toEqual([]);
    expect(await statesOf(db, id)).toEqual(Array(5).fill('pending'));
    expect(await pauseTask(db, id, user, null)).toEqual({ changed: false, state: 'pausing' });
  });

  test('is over when what ran has given itself back; resumed, it goes on with its checkpoint', async () => {
    const { db, owner, node, id } = await running(2);
    const claimed = await claim(db, node, id, 1);
    await saveCheckpoint(db, node, claimed[0]!, { at: 7 });
    await pauseTask(db, id, user, null);
    expect(await owner.settle(id)).toBe(false);
    await settle(db, node, claimed, { how: 'pause' });
    expect(await owner.settle(id)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'paused', reservedNodes: [] });
    expect(await statesOf(db, id)).toEqual(['paused', 'pending']);

    expect(await resumeTask(db, id, user, null)).toMatchObject({ changed: true, state: 'resuming' });
    expect(await owner.continue(id)).toBe(true);
    expect(await stateOf(db, id)).toBe('running');
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    expect(await claim(db, node, id, 9)).toMatchObject([
      { ordinal: 1, attempt: 2, failures: 0, checkpoint: { at: 7 } },
      { ordinal: 2, attempt: 1 },
    ]);
    expect((await kindsOf(db, id)).slice(-4)).toEqual([
      'pause running pausing',
      'settle pausing paused',
      'resume paused resuming',
      'continue resuming running',
    ]);
  });

  test('of a task that waited goes back to pending', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const id = await submit(db);
    await pauseTask(db, id, user, null);
    await owner.settle(id);
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    expect(await stateOf(db, id)).toBe('pending');
  });

  test('keeps a failure for later: the resumed task finds it', async () => {
    const { db, owner, node, id } = await running(2);
    const claimed = await claim(db, node, id, 1);
    await pauseTask(db, id, user, null);
    await settle(db, node, claimed, { how: 'fail', error: FAILURE });
    await owner.settle(id);
    expect(await stateOf(db, id)).toBe('paused');
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    const [task] = await readSchedulingSnapshot(db);
    expect(task).toMatchObject({ state: 'running', firstFailure: { code: 'TOY_BROKEN' } });
  });

  test('waits for a node that is gone until its rows are freed', async () => {
    const { db, owner, node, id } = await running(1);
    await claim(db, node, id, 1);
    await pauseTask(db, id, user, null);
    await addNode(db, 'n1');
    expect(await owner.settle(id)).toBe(false);
    await sweepOrphans(db, await lead(db, 'node-manager'));
    expect(await owner.settle(id)).toBe(true);
    expect(await statesOf(db, id)).toEqual(['pending']);
  });

  test('a plan that was stopped for it is planned anew, with an attempt of its own', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const node = await addNode(db, 'n1');
    const id = await submit(db);
    const plan = await claimPlan(db, owner, node, id);
    await pauseTask(db, id, user, null);
    await settle(db, node, [plan], { how: 'pause' });
    await owner.settle(id);
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    const [again] = await claimSubtasks(db, node, [], await controlsOf(db, id));
    expect(again).toMatchObject({ kind: 'plan', attempt: 2 });
  });

  test('a paused task is canceled like any other', async () => {
    const { db, owner, node, id } = await running(2);
    const claimed = await claim(db, node, id, 1);
    await pauseTask(db, id, user, null);
    await settle(db, node, claimed, { how: 'pause' });
    await owner.settle(id);
    expect(await cancelTask(db, id, user, null)).toMatchObject({ changed: true, state: 'cancelling' });
    await owner.stop(id);
    await owner.endPending(id);
    expect(await owner.undo(id, null)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'reverted', outcome: 'canceled' });
    expect(await statesOf(db, id)).toEqual([]);
  });
});

describe('errors of the kind that pauses a task', () => {
  const DISK_FULL = { code: 'DISK_FULL', message: 'no space left', permanent: false };

  test('all of them: what failed is paused, and tried again with none of its failures counted', async () => {
    const { db, owner, node, id } = await running(2, { pauseOn: ['DISK_FULL'] });
    await settle(db, node, await claim(db, node, id, 9), { how: 'fail', error: DISK_FULL });
    expect(await readSchedulingSnapshot(db)).toMatchObject([{ doFailuresPause: true }]);
    expect(await owner.suspend(id, DISK_FULL)).toBe(true);
    await owner.settle(id);
    expect(await readTask(db, id)).toMatchObject({ state: 'paused', error: DISK_FULL });
    expect(await statesOf(db, id)).toEqual(['paused', 'paused']);
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    expect(await readTask(db, id)).toMatchObject({ state: 'running', error: null });
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    expect(await claim(db, node, id, 9)).toMatchObject([{ failures: 0 }, { failures: 0 }]);
  });

  test('one that comes while the task is pausing is tried again too', async () => {
    const { db, owner, node, id } = await running(2, { pauseOn: ['DISK_FULL'] });
    const [one, two] = await claim(db, node, id, 9);
    await settle(db, node, [one!], { how: 'fail', error: DISK_FULL });
    await owner.suspend(id, DISK_FULL);
    await settle(db, node, [two!], { how: 'fail', error: DISK_FULL });
    await owner.settle(id);
    expect(await statesOf(db, id)).toEqual(['paused', 'paused']);
  });

  test('a resume looks for a target that was away at once, and gives it its whole limit anew', async () => {
    const { db, owner, node, id } = await running(2);
    const away = { how: 'postpone', code: 'TARGET_UNAVAILABLE', message: 'refused', afterMs: 3_600_000 } as const;
    await settle(db, node, await claim(db, node, id, 9), { ...away, awayForMs: 3_600_000 });
    await pauseTask(db, id, user, null);
    await owner.settle(id);
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    expect(await claim(db, node, id, 9)).toMatchObject([{ awayForMs: null }, { awayForMs: null }]);
  });

  test('another one among them fails the task', async () => {
    const { db, node, id } = await running(2, { pauseOn: ['DISK_FULL'] });
    const [one, two] = await claim(db, node, id, 9);
    await settle(db, node, [one!], { how: 'fail', error: DISK_FULL });
    await settle(db, node, [two!], { how: 'fail', error: FAILURE });
    expect(await readSchedulingSnapshot(db)).toMatchObject([{ doFailuresPause: false }]);
  });
});

describe('a modification', () => {
  const modified = async (task: Running, changes: TaskChanges): Promise<void> => {
    await modifyTask(task.db, task.id, changes, user, null);
    expect(await task.owner.apply(task.id, null)).toBe(true);
  };

  test('of a running task changes what is asked for, and nothing else', async () => {
    const task = await running(1, { maxNodes: 3, throttle: { rows: 5 } });
    const before = await readTaskForRunner(task.db, task.id);
    await modified(task, { slots: 7, priority: 3, throttle: null, retry: { maxFailures: 9 }, onFailure: 'hold' });
    expect(await readTask(task.db, task.id)).toMatchObject({
      state: 'running',
      slots: 7,
      slotsPerSubtask: 1,
      priority: 3,
      maxNodes: 3,
      throttle: null,
      onFailure: 'hold',
      modification: null,
    });
    const after = await readTaskForRunner(task.db, task.id);
    expect(after).toMatchObject({ revision: before!.revision + 1, meta: before!.meta });
    expect(after!.retry).toEqual({ ...before!.retry, maxFailures: 9 });
    const events = await readEvents(task.db, task.id, 0, 99);
    expect(events.at(-1)).toMatchObject({ kind: 'apply', from: 'modifying', to: 'running' });
    expect(events.at(-1)!.message).toContain('slots: 7; priority: 3; throttle: none');
  });

  test.each(['pending', 'paused', 'awaiting-resolution'] as const)('of a %s task leaves it so', async (state) => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const id = await submit(db, { slots: 3, slotsPerSubtask: 3 });
    if (state === 'paused') {
      await pauseTask(db, id, user, null);
      await owner.settle(id);
    }
    if (state === 'awaiting-resolution') {
      await modifyTask(db, id, { onFailure: 'hold' }, user, null);
      await owner.apply(id, null);
      await owner.fail(id, FAILURE);
    }
    expect(await modifyTask(db, id, { slots: 7 }, user, null)).toMatchObject({ changed: true, state: 'modifying' });
    await owner.apply(id, null);
    expect(await readTask(db, id)).toMatchObject({ state, slots: 7, slotsPerSubtask: 7 });
    if (state !== 'paused') return;
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    expect(await stateOf(db, id)).toBe('pending');
  });

  test('is one at a time, and refused elsewhere with the state named', async () => {
    const { db, owner, id } = await running(1);
    await modifyTask(db, id, { slots: 2 }, user, null);
    await expect(modifyTask(db, id, { slots: 3 }, user, null)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      details: { state: 'modifying' },
    });
    await owner.apply(id, null);
    await pauseTask(db, id, user, null);
    await expect(modifyTask(db, id, { slots: 3 }, user, null)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining('is pausing') as unknown,
    });
  });

  test('of which another is asked for at the same time is made alone: the other one is refused', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const id = await submit(store.db);
    const holding = await store.session();
    await holding.run('BEGIN');
    await holding.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [id]);
    const asking = Promise.allSettled([
      modifyTask(store.process('a').db, id, { slots: 7 }, user, null),
      modifyTask(store.process('b').db, id, { slots: 9 }, user, null),
    ]);
    // Both are under way, and neither has seen the task yet.
    for (const name of ['a', 'b']) await store.blocked(name);
    await holding.run('COMMIT');
    const answers = await asking;
    const winner = answers.findIndex((answer) => answer.status === 'fulfilled');
    expect(answers[winner]).toMatchObject({ value: { changed: true, state: 'modifying' } });
    expect(answers[1 - winner]).toMatchObject({ status: 'rejected', reason: { code: 'STATE_CONFLICT' } });
    expect(await owner.apply(id, null)).toBe(true);
    expect(await readTask(store.db, id)).toMatchObject({ state: 'pending', slots: [7, 9][winner] });
    expect((await kindsOf(store.db, id)).filter((kind) => kind.startsWith('modify'))).toHaveLength(1);
  });

  test('is applied once: a second owner finds nothing to do', async () => {
    const { db, owner, id } = await running(1);
    await modifyTask(db, id, { slots: 7 }, user, null);
    expect(await owner.apply(id, null)).toBe(true);
    expect(await owner.apply(id, null)).toBe(false);
    expect((await readTask(db, id))?.slots).toBe(7);
  });

  test('of the meta writes what the type answered', async () => {
    const { db, owner, node, id } = await running(1);
    await modifyTask(db, id, { meta: { speed: 5 } }, user, null);
    await owner.insertControl(id, 'modifying', 'modify', 'n1');
    const asked = await claimSubtasks(db, node, [], await controlsOf(db, id));
    expect(asked).toMatchObject([{ kind: 'modify', task: { modification: { changes: { meta: { speed: 5 } } } } }]);
    await settle(db, node, asked, { how: 'succeed', result: { speed: 5, kept: true } });
    expect(await owner.apply(id, asked[0]!.id)).toBe(true);
    expect((await readTaskForRunner(db, id))?.meta).toEqual({ speed: 5, kept: true });
  });

  test('that the type refuses leaves the task as it was, and says why', async () => {
    const { db, owner, node, id } = await running(1);
    await modifyTask(db, id, { slots: 7, meta: { speed: 5 } }, user, null);
    await owner.insertControl(id, 'modifying', 'modify', 'n1');
    const asked = await claimSubtasks(db, node, [], await controlsOf(db, id));
    await settle(db, node, asked, { how: 'fail', error: FAILURE });
    expect(await owner.drop(id, FAILURE)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'running', slots: 4, error: null, modification: null });
    expect((await readEvents(db, id, 0, 99)).at(-1)).toMatchObject({ kind: 'drop', message: 'TOY_BROKEN: it broke' });
    // The next one is asked for anew.
    await modifyTask(db, id, { meta: { speed: 6 } }, user, null);
    expect(await owner.insertControl(id, 'modifying', 'modify', 'n1')).toBe(true);
    expect(await controlsOf(db, id)).toHaveLength(1);
  });

  test('is dropped by a cancel', async () => {
    const { db, id } = await running(1);
    await modifyTask(db, id, { slots: 7 }, user, null);
    await cancelTask(db, id, user, null);
    expect(await readTask(db, id)).toMatchObject({ state: 'cancelling', slots: 4, modification: null });
  });

  test('lets what runs go on, a plan’s pages too', async () => {
    const { db, owner, node, id } = await running(1);
    const claimed = await claim(db, node, id, 1);
    await modifyTask(db, id, { slots: 7 }, user, null);
    await settle(db, node, claimed, { how: 'cancel' });
    expect(await statesOf(db, id)).toEqual(['pending']);
    await owner.apply(id, null);
    const again = await claim(db, node, id, 1);
    await settle(db, node, again, SUCCEEDED);
    expect(await statesOf(db, id)).toEqual([]);
  });
});

describe('a control of a task that is not active', () => {
  const controls: readonly [string, (db: Db, id: string) => Promise<unknown>][] = [
    ['pause', (db, id) => pauseTask(db, id, user, null)],
    ['resume', (db, id) => resumeTask(db, id, user, null)],
    ['retry', (db, id) => retryTask(db, id, user, null)],
    ['skip', (db, id) => skipFailed(db, id, user, null)],
    ['revert', (db, id) => revertTask(db, id, user, null)],
    ['modify', (db, id) => modifyTask(db, id, { slots: 7 }, user, null)],
    ['cancel', (db, id) => cancelTask(db, id, user, null)],
  ];

  test.each(controls)('%s gives TASK_NOT_FOUND, whether it never was or has left for history', async (_, control) => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const id = await submit(db);
    await owner.refuse(id, FAILURE);
    expect(await owner.archive(id)).toBe(true);
    const [task, kinds] = [await readTask(db, id), await kindsOf(db, id)];
    for (const gone of ['4711', id]) {
      await expect(control(db, gone), gone).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    }
    expect(await readTask(db, id)).toEqual(task);
    expect(await kindsOf(db, id)).toEqual(kinds);
  });
});

describe('a task that awaits resolution', () => {
  /** It awaits resolution with one of three subtasks failed, one done, one pending. */
  async function awaiting(): Promise<Running & { readonly failed: ClaimedSubtask }> {
    const task = await running(3, { onFailure: 'hold' });
    const [failed, done] = await claim(task.db, task.node, task.id, 2);
    await settle(task.db, task.node, [failed!], { how: 'fail', error: FAILURE });
    expect(await task.owner.fail(task.id, FAILURE)).toBe(true);
    // What ran goes on to its end.
    await settle(task.db, task.node, [done!], SUCCEEDED);
    expect(await claim(task.db, task.node, task.id, 9)).toEqual([]);
    return { ...task, failed: failed! };
  }

  test('is tried again: what failed is pending anew, with none of its failures counted', async () => {
    const { db, owner, node, id } = await awaiting();
    expect(await retryTask(db, id, user, 'fixed it')).toMatchObject({ changed: true, state: 'running' });
    expect(await readTask(db, id)).toMatchObject({ state: 'running', error: null });
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    const again = await claim(db, node, id, 9);
    expect(again.map((one) => [one.ordinal, one.attempt, one.failures])).toEqual([
      [1, 2, 0],
      [3, 1, 0],
    ]);
  });

  test('goes on without what failed, which counts as done', async () => {
    const { db, owner, node, id, failed } = await awaiting();
    expect(await skipFailed(db, id, user, null)).toMatchObject({ changed: true, state: 'running' });
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    await settle(db, node, await claim(db, node, id, 9), SUCCEEDED);
    expect(await owner.finish(id, null)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'succeed', outcome: 'succeeded', error: null });
    const events = await readEvents(db, id, 0, 99);
    expect(events.filter((event) => event.kind === 'subtask-skipped')).toMatchObject([{ subtaskId: failed.id }]);
  });

  test('is undone: as failed when a person reverts it, as canceled when one cancels it', async () => {
    const first = await awaiting();
    expect(await revertTask(first.db, first.id, user, null)).toMatchObject({ changed: true, state: 'reverting' });
    await first.owner.endPending(first.id);
    await first.owner.undo(first.id, null);
    expect(await readTask(first.db, first.id)).toMatchObject({ outcome: 'failed', error: FAILURE });
    const second = await awaiting();
    await cancelTask(second.db, second.id, user, null);
    await second.owner.stop(second.id);
    await second.owner.endPending(second.id);
    await second.owner.undo(second.id, null);
    expect(await readTask(second.db, second.id)).toMatchObject({ outcome: 'canceled' });
  });

  test('whose plan failed is planned again under an attempt of its own, and can’t be skipped', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const node = await addNode(db, 'n1');
    const id = await submit(db, { onFailure: 'hold' });
    const plan = await claimPlan(db, owner, node, id);
    await settle(db, node, [plan], { how: 'fail', error: FAILURE });
    await owner.fail(id, FAILURE);
    await expect(skipFailed(db, id, user, null)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await retryTask(db, id, user, null)).toMatchObject({ changed: true, state: 'pending' });
    expect(await claimSubtasks(db, node, [], await controlsOf(db, id))).toMatchObject([{ kind: 'plan', attempt: 2 }]);
  });

  test('whose finish hook failed is tried again, or has succeeded without it, whatever onFailure says', async () => {
    const finished = async (): Promise<Running> => {
      const task = await running(0);
      await task.owner.insertControl(task.id, 'running', 'finish', 'n1');
      const finish = await claimSubtasks(task.db, task.node, [], await controlsOf(task.db, task.id));
      await settle(task.db, task.node, finish, { how: 'fail', error: FAILURE });
      await task.owner.fail(task.id, FAILURE, { guard: 'a finish hook failed' });
      expect(await stateOf(task.db, task.id)).toBe('awaiting-resolution');
      return task;
    };
    const first = await finished();
    expect(await retryTask(first.db, first.id, user, null)).toMatchObject({ state: 'running' });
    expect(await claimSubtasks(first.db, first.node, [], await controlsOf(first.db, first.id))).toMatchObject([
      { kind: 'finish', attempt: 2 },
    ]);
    const second = await finished();
    expect(await skipFailed(second.db, second.id, user, null)).toMatchObject({ state: 'succeed' });
    expect(await readTask(second.db, second.id)).toMatchObject({
      outcome: 'succeeded',
      error: null,
      skipped: { subtasks: 0, hooks: 1 },
    });
  });

  test('whose revert failed is tried again, or is over without it', async () => {
    const unreverted = async (): Promise<Running> => {
      const task = await running(0);
      await task.owner.fail(task.id, FAILURE);
      await task.owner.insertControl(task.id, 'reverting', 'revert', 'n1');
      const revert = await claimSubtasks(task.db, task.node, [], await controlsOf(task.db, task.id));
      await settle(task.db, task.node, revert, { how: 'fail', error: { ...FAILURE, code: 'REVERT_BROKEN' } });
      await task.owner.fail(task.id, FAILURE, { guard: 'a revert failed' });
      return task;
    };
    const first = await unreverted();
    expect(await retryTask(first.db, first.id, user, null)).toMatchObject({ state: 'reverting' });
    expect(await readTask(first.db, first.id)).toMatchObject({ error: FAILURE });
    const second = await unreverted();
    expect(await skipFailed(second.db, second.id, user, null)).toMatchObject({ state: 'reverted' });
    expect(await readTask(second.db, second.id)).toMatchObject({
      outcome: 'failed',
      error: FAILURE,
      skipped: { subtasks: 0, hooks: 1 },
    });
  });

  test('whose revert is tried again keeps what failed before: it is not to be run, and says what happened', async () => {
    const { db, owner, node, id } = await running(1);
    await settle(db, node, await claim(db, node, id, 1), { how: 'fail', error: FAILURE });
    await owner.fail(id, FAILURE);
    await owner.insertControl(id, 'reverting', 'revert', 'n1');
    const revert = await claimSubtasks(db, node, [], await controlsOf(db, id));
    await settle(db, node, revert, { how: 'fail', error: { ...FAILURE, code: 'REVERT_BROKEN' } });
    await owner.fail(id, FAILURE, { guard: 'a revert failed' });
    await retryTask(db, id, user, null);
    expect(await statesOf(db, id)).toEqual(['failed', 'pending']);
    const again = await claimSubtasks(db, node, [], await controlsOf(db, id));
    await settle(db, node, again, SUCCEEDED);
    expect(await owner.undo(id, again[0]!.id)).toBe(true);
    expect(await statesOf(db, id)).toEqual(['failed']);
  });

  /** A task of three subtasks: one failed, one was stopped, and one never started. Its revert has failed. */
  const unreverted = async (began: boolean): Promise<Running> => {
    const task = await running(3);
    const { db, owner, node, id } = task;
    const [failed, stopped] = await claim(db, node, id, 2);
    await saveCheckpoint(db, node, stopped!, { at: 7 });
    await settle(db, node, [failed!], { how: 'fail', error: FAILURE });
    await owner.fail(id, FAILURE);
    await settle(db, node, [stopped!], { how: 'cancel' });
    await owner.endPending(id, true);
    expect(await owner.insertControl(id, 'reverting', 'revert', 'n1')).toBe(true);
    const [revert] = await claimSubtasks(db, node, [], await controlsOf(db, id));
    if (began) expect(await beginUndo(db, node, revert!)).toBe(true);
    await settle(db, node, [revert!], { how: 'fail', error: { ...FAILURE, code: 'REVERT_BROKEN' } });
    await owner.fail(id, FAILURE, { guard: 'a revert failed' });
    return task;
  };

  // Seen to fail: its pending work had been dropped, and it could only be undone or left as it was.
  test('whose revert failed before it began goes on where it was', async () => {
    const { db, owner, node, id } = await unreverted(false);
    expect(await resumeTask(db, id, user, null)).toMatchObject({ changed: true, state: 'resuming' });
    await owner.continue(id);
    expect(await readTask(db, id)).toMatchObject({ state: 'running', error: null });
    expect(await controlsOf(db, id)).toEqual([]);
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    const claimed = await claim(db, node, id, 9);
    expect(claimed).toMatchObject([
      { ordinal: 1, attempt: 2, failures: 0 },
      { ordinal: 2, attempt: 2, checkpoint: { at: 7 } },
      { ordinal: 3, attempt: 1 },
    ]);
    await settle(db, node, claimed, SUCCEEDED);
    expect(await owner.finish(id, null)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'succeed', outcome: 'succeeded' });
  });

  test('whose revert has begun can only be undone, or left as it is', async () => {
    const { db, id } = await unreverted(true);
    await expect(resumeTask(db, id, user, null)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining('its revert has begun to undo it; retry the revert, or skip it') as string,
    });
    expect(await readTask(db, id)).toMatchObject({ state: 'awaiting-resolution' });
    expect(await retryTask(db, id, user, null)).toMatchObject({ state: 'reverting' });
  });

  test('whose work was stopped that may not start again does not go on', async () => {
    const task = await unreverted(false);
    await sql`UPDATE subtask_history SET is_idempotent = false WHERE task_id = ${task.id} AND state = 'canceled'`.execute(
      task.db,
    );
    await expect(resumeTask(task.db, task.id, user, null)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining('may not simply start again') as string,
    });
  });

  test('that is canceled, goes on and then fails ends as failed', async () => {
    const { db, owner, id } = await unreverted(false);
    await cancelTask(db, id, user, null);
    await owner.stop(id);
    await owner.insertControl(id, 'reverting', 'revert', 'n1');
    await owner.fail(id, FAILURE, { guard: 'a revert failed' });
    await sql`UPDATE subtasks SET state = 'failed' WHERE task_id = ${id} AND kind = 'revert'`.execute(db);
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    await owner.fail(id, FAILURE);
    await owner.endPending(id);
    await owner.undo(id, null);
    expect(await readTask(db, id)).toMatchObject({ outcome: 'failed' });
  });

  test('whose revert is skipped leaves no work behind', async () => {
    const { db, owner, id } = await unreverted(true);
    await skipFailed(db, id, user, null);
    while (await owner.archive(id)) continue;
    expect(await readTask(db, id)).toMatchObject({ state: 'reverted', isArchived: true });
    expect((await readSubtasks(db, id, '0', 9)).map(({ kind, state }) => `${kind} ${state}`)).not.toContain(
      'work pending',
    );
    expect(await readProgress(db, id, 'load')).toMatchObject({ steps: [{ pending: 0 }] });
  });

  test('only its revert knows that it begins', async () => {
    const { db, node, id } = await running(1);
    const [work] = await claim(db, node, id, 1);
    expect(await beginUndo(db, node, work!)).toBe(false);
  });

  test('nothing else can be asked to be resolved', async () => {
    const { db, id } = await running(1);
    for (const resolve of [retryTask, skipFailed, revertTask]) {
      await expect(resolve(db, id, user, null)).rejects.toMatchObject({
        code: 'STATE_CONFLICT',
        details: { state: 'running' },
      });
    }
  });
});

describe('a forced cancel', () => {
  test('notes that hooks may be skipped, also when the task is being undone already', async () => {
    const { db, owner, id } = await running(1);
    await cancelTask(db, id, user, null);
    await owner.stop(id);
    expect(await cancelTask(db, id, user, null, true)).toMatchObject({ changed: true, state: 'reverting' });
    expect(await cancelTask(db, id, user, null, true)).toEqual({ changed: false, state: 'reverting' });
    expect(await readSchedulingSnapshot(db)).toMatchObject([{ isForced: true }]);
    await owner.endPending(id);
    await owner.undo(id, null, 'no node can run its revert hook');
    expect((await kindsOf(db, id)).slice(-2)).toEqual(['undo reverting reverted', 'hook-skipped - -']);
  });
});

describe('the clean-up of a task that has ended', () => {
  /** A task that was canceled and undone, whose clean-up runs. */
  async function cleaning() {
    const { db, owner, id, node } = await running(0);
    await cancelTask(db, id, user, null);
    await owner.stop(id);
    await owner.undo(id, null);
    expect(await owner.insertControl(id, 'reverted', 'clean', 'n1')).toBe(true);
    await claimSubtasks(db, node, [], await controlsOf(db, id));
    return { db, id };
  }

  test('is named by the error of a cancel, with the command that ends it', async () => {
    const { db, id } = await cleaning();
    await expect(cancelTask(db, id, user, null, true)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining(`longshore task end-clean-up ${id}`) as string,
    });
  });

  test('is left out on request if it hangs', async () => {
    const { db, id } = await cleaning();
    expect(await endCleanUp(db, id, user, 'its bucket is gone')).toEqual({ changed: true, state: 'reverted' });
    expect(await endCleanUp(db, id, user, null)).toEqual({ changed: false, state: 'reverted' });
    expect((await readTaskStates(db, 'n1', [id])).get(id)).toMatchObject({ isForced: true });
    expect((await kindsOf(db, id)).at(-1)).toBe('force reverted reverted');
  });

  test('can’t be ended before there is any', async () => {
    const { db, id } = await running(0);
    await expect(endCleanUp(db, id, user, null)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      details: { state: 'running' },
    });
  });
});

test('a revert that no node can run and that a forced cancel goes on without is not left behind', async () => {
  const { db, owner, id } = await running(0);
  await cancelTask(db, id, user, null, true);
  await owner.stop(id);
  expect(await owner.insertControl(id, 'reverting', 'revert', 'n1')).toBe(true);
  expect(await owner.undo(id, null, 'no node can run its revert hook')).toBe(true);
  expect(await controlsOf(db, id)).toEqual([]);
});

describe('a deadline', () => {
  test('counts from the submit', async () => {
    const { db } = await server.store();
    await submit(db, { deadlineMs: 0 });
    await submit(db, { deadlineMs: 3_600_000 });
    expect((await readSchedulingSnapshot(db)).map((task) => task.isOverdue)).toEqual([true, false]);
  });

  const hoursLeft = async (db: Db, id: string): Promise<{ at: number | null; left: number | null }> => {
    const { rows } = await sql<{ at: number | null; left: number | null }>`
      SELECT round(extract(epoch FROM deadline_at - clock_timestamp()) / 3600)::int AS at,
        round(extract(epoch FROM deadline_left) / 3600)::int AS left
      FROM tasks WHERE id = ${id}`.execute(db);
    return rows[0]!;
  };

  test('rests while the task is paused, and goes on with what was left', async () => {
    const task = await running(0, { deadlineMs: 5 * 3_600_000 });
    const { db, owner, id } = task;
    await pauseTask(db, id, user, null);
    expect(await hoursLeft(db, id)).toEqual({ at: 5, left: null });
    await owner.settle(id);
    expect(await hoursLeft(db, id)).toEqual({ at: null, left: 5 });
    await modifyTask(db, id, { deadlineMs: 7 * 3_600_000 }, user, null);
    await owner.apply(id, null);
    expect(await hoursLeft(db, id)).toEqual({ at: null, left: 7 });
    await resumeTask(db, id, user, null);
    await owner.continue(id);
    expect(await hoursLeft(db, id)).toEqual({ at: 7, left: null });
    await modifyTask(db, id, { deadlineMs: null }, user, null);
    await owner.apply(id, null);
    expect(await hoursLeft(db, id)).toEqual({ at: null, left: null });
  });

  test('that has passed ends a task like a failure; tried again, it has its whole time anew', async () => {
    const { db, owner, id } = await running(0, { deadlineMs: 0, onFailure: 'hold' });
    await owner.fail(id, DEADLINE_EXCEEDED);
    expect(await readTask(db, id)).toMatchObject({
      state: 'awaiting-resolution',
      error: { code: 'DEADLINE_EXCEEDED' },
    });
    await modifyTask(db, id, { deadlineMs: 3 * 3_600_000 }, user, null);
    await owner.apply(id, null);
    await retryTask(db, id, user, null);
    expect(await hoursLeft(db, id)).toEqual({ at: 3, left: null });
  });
});

test('slots of non-idempotent work are pinned while it runs, others are not', async () => {
  const { db, owner, node, id } = await running(2, { slots: 4, slotsPerSubtask: 2 });
  await claim(db, node, id, 1);
  expect(await readPinnedSlots(db)).toEqual([]);
  const once = await submit(db, { slots: 4, slotsPerSubtask: 2 });
  await planStep(db, owner, node, once, { rows: 3, isIdempotent: false });
  await claim(db, node, once, 2);
  expect(await readPinnedSlots(db)).toEqual([{ nodeId: 'n1', taskId: once, slots: 4 }]);
});

test('pinned slots are counted for each task on each node, by what a subtask of it takes', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const [n1, n2] = [await addNode(db, 'n1'), await addNode(db, 'n2')];
  const [first, second] = [await submit(db, { slotsPerSubtask: 2 }), await submit(db, { slotsPerSubtask: 1 })];
  for (const id of [first, second]) {
    await planStep(db, owner, n1, id, { rows: 6, nodes: ['n1', 'n2'], isIdempotent: false });
  }
  await claim(db, n1, first, 2);
  await claim(db, n2, first, 1);
  await claim(db, n1, second, 1);
  const rows = (await readPinnedSlots(db)).map(({ nodeId, taskId, slots }) => [nodeId, taskId, slots]);
  expect(rows.toSorted()).toEqual([
    ['n1', first, 4],
    ['n1', second, 1],
    ['n2', first, 2],
  ]);
});

test('settings are what was set last', async () => {
  const { db } = await server.store();
  expect(await readSettings(db)).toEqual({});
  await saveSettings(db, { maxScheduledTasks: 7 });
  await saveSettings(db, {});
  await saveSettings(db, { maxScheduledTasks: 9 });
  expect(await readSettings(db)).toEqual({ maxScheduledTasks: 9 });
  await saveSettings(db, { maxSubtasksPerStep: 5_000_000 });
  expect(await readSettings(db)).toEqual({ maxScheduledTasks: 9, maxSubtasksPerStep: 5_000_000 });
});

test('history keeps what the clean-up hook left of the meta', async () => {
  const { db, owner, node, id } = await running(0, { meta: { password: 'secret' } });
  await owner.finish(id, null);
  await owner.insertControl(id, 'succeed', 'clean', 'n1');
  const clean = await claimSubtasks(db, node, [], await controlsOf(db, id));
  await settle(db, node, clean, { how: 'succeed', result: { meta: { password: '***' } } });
  expect(await owner.archive(id)).toBe(true);
  const row = await db.selectFrom('task_history').select('meta').where('id', '=', id).executeTakeFirstOrThrow();
  expect(row.meta).toEqual({ password: '***' });
});
