import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  claimSubtasks,
  listRuns,
  modifyTask,
  pauseTask,
  readEvents,
  readTask,
  readTaskMeta,
  restartTask,
  resumeTask,
  retryTask,
  revertTask,
  submitTask,
  type Actor,
  type Db,
  type NewTask,
  type NodeIdentity,
  type OwnerWrites,
} from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { addNode, controlsOf, FAILURE, leadingOwner, newTask, planStep, settle, SUCCEEDED } from './fixtures/tasks.ts';

const server = useStoreServer();

const alice: Actor = { service: 'api o1', principal: { name: 'alice', role: 'admin', isVerified: false } };

interface Ground {
  readonly db: Db;
  readonly owner: OwnerWrites;
  readonly node: NodeIdentity;
  /** A task with the key `a`. */
  readonly id: string;
}

async function pending(change: Partial<NewTask> = {}): Promise<Ground> {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const node = await addNode(db, 'n1');
  const { id } = await submitTask(db, { ...newTask('a'), ...change });
  return { db, owner, node, id };
}

/** A task of which work has failed, and that awaits resolution. */
async function held(change: Partial<NewTask> = {}): Promise<Ground> {
  const ground = await pending({ onFailure: 'hold', ...change });
  const { db, owner, node, id } = ground;
  await planStep(db, owner, node, id, { rows: 2 });
  await owner.fail(id, FAILURE);
  expect(await stateOf(ground)).toBe('awaiting-resolution');
  return ground;
}

const stateOf = async ({ db, id }: Ground): Promise<string | undefined> => (await readTask(db, id))?.state;

async function runsOf({ db }: Ground): Promise<(readonly [number, string])[]> {
  return (await listRuns(db, 'a', { limit: 9 })).map(({ run, state }) => [run, state] as const);
}

async function newest({ db }: Ground): Promise<string> {
  const [run] = await listRuns(db, 'a', { limit: 1 });
  return run!.id;
}

const eventsOf = (db: Db, id: string) => readEvents(db, id, 0, 999);

/** Has the revert hook run to its end. */
async function undo({ db, owner, node, id }: Ground): Promise<boolean> {
  while (await owner.endPending(id));
  await owner.insertControl(id, 'reverting', 'revert', node.id);
  const [revert] = await claimSubtasks(db, node, [], await controlsOf(db, id));
  await settle(db, node, [revert!], SUCCEEDED);
  return owner.undo(id, revert!.id);
}

describe('the restart of a task that awaits resolution', () => {
  test('undoes it, and starts the next run of its key with its end, once', async () => {
    const task = await held();
    const { db, id } = task;
    expect(await restartTask(db, id, alice, 'the file was mended')).toMatchObject({
      changed: true,
      state: 'reverting',
    });
    expect(await restartTask(db, id, alice, null)).toEqual({ changed: false, state: 'reverting' });
    expect(await readTask(db, id)).toMatchObject({ isRestarting: true });
    expect(await runsOf(task)).toEqual([[1, 'reverting']]);
    expect(await undo(task)).toBe(true);
    expect(await runsOf(task)).toEqual([
      [2, 'pending'],
      [1, 'reverted'],
    ]);
    expect(await readTask(db, id)).toMatchObject({ outcome: 'failed', isRestarting: false });
    await expect(restartTask(db, id, alice, null)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await runsOf(task)).toHaveLength(2);
  });

  test('names who asked for it, in both tasks', async () => {
    const task = await held();
    const { db, id } = task;
    await restartTask(db, id, alice, 'mended');
    await undo(task);
    const next = await newest(task);
    const principal = { name: 'alice', role: 'admin', isVerified: false };
    expect((await eventsOf(db, id)).slice(-3)).toMatchObject([
      { kind: 'revert', actor: 'api o1', principal, message: 'to restart it: mended' },
      { kind: 'undo', actor: 'owner o1', principal: null },
      { kind: 'restarted', actor: 'owner o1', principal, message: `run 2 of its key is task ${next}` },
    ]);
    expect(await eventsOf(db, next)).toMatchObject([
      { seq: 1, kind: 'submit', actor: 'owner o1', principal, message: `restarts task ${id}: mended` },
    ]);
  });

  test('starts with the meta of the submit, and with the options as users have changed them', async () => {
    const settings = { slots: 8, slotsPerSubtask: 8, maxNodes: 4, deadlineMs: 3_600_000, priority: 7, scope: 'bulk' };
    const task = await pending({ ...settings, onFailure: 'hold' });
    const { db, owner, node, id } = task;
    await owner.insertControl(id, 'pending', 'prepare', 'n1');
    const [prepare] = await claimSubtasks(db, node, [], await controlsOf(db, id));
    const answer = { slots: 2, maxNodes: 3, meta: { key: 'a', prepared: true } };
    await settle(db, node, [prepare!], { how: 'succeed', result: answer });
    await owner.consumePrepare(id, prepare!.id);
    await modifyTask(db, id, { priority: 9, maxNodes: 1, meta: { rows: 5 } }, alice, null);
    await owner.insertControl(id, 'modifying', 'modify', 'n1');
    const [modify] = await claimSubtasks(db, node, [], await controlsOf(db, id));
    await settle(db, node, [modify!], { how: 'succeed', result: { key: 'a', prepared: true, rows: 5 } });
    expect(await owner.apply(id, modify!.id)).toBe(true);
    await planStep(db, owner, node, id, { rows: 1 });
    await owner.fail(id, FAILURE);
    await restartTask(db, id, alice, null);
    await undo(task);

    const next = await newest(task);
    expect(await readTaskMeta(db, next)).toEqual({ key: 'a', rows: 5 });
    expect(await readTask(db, next)).toMatchObject({
      state: 'pending',
      step: null,
      type: 'toy',
      error: null,
      onFailure: 'hold',
      slots: 8,
      slotsPerSubtask: 8,
      maxNodes: 1,
      priority: 9,
      scope: 'bulk',
    });
    expect((await readTask(db, next))!.deadlineAt!.getTime()).toBeGreaterThan(Date.now());
    // The same submit finds it: it is a run of the same content.
    expect(await submitTask(db, { ...newTask('a') })).toEqual({ id: next, created: false });
  });

  test('starts nothing when the revert fails, and says so; asked for again, it undoes it again', async () => {
    const task = await held();
    const { db, owner, id } = task;
    await restartTask(db, id, alice, null);
    await owner.fail(id, FAILURE, { guard: 'a revert failed' });
    expect(await readTask(db, id)).toMatchObject({ state: 'awaiting-resolution', isRestarting: false });
    expect((await eventsOf(db, id)).at(-1)).toMatchObject({
      kind: 'restart-dropped',
      message: "its next run doesn't start, because its revert failed",
    });
    // A person who has the revert tried again, and no more, gets no more.
    await revertTask(db, id, alice, null);
    await owner.fail(id, FAILURE, { guard: 'a revert failed' });
    await restartTask(db, id, alice, null);
    expect(await runsOf(task)).toEqual([[1, 'reverting']]);
    await undo(task);
    expect(await runsOf(task)).toHaveLength(2);
  });

  test('starts nothing when the revert is left out', async () => {
    const task = await held();
    const { db, owner, id } = task;
    await restartTask(db, id, alice, null);
    expect(await owner.undo(id, null, 'no node can run its revert hook')).toBe(true);
    expect(await runsOf(task)).toEqual([[1, 'reverted']]);
    expect((await eventsOf(db, id)).at(-1)).toMatchObject({ kind: 'restart-dropped' });
  });

  test('starts nothing when it is canceled on the way', async () => {
    const task = await held();
    const { db, id } = task;
    await restartTask(db, id, alice, null);
    expect(await cancelTask(db, id, alice, 'never mind')).toEqual({ changed: true, state: 'reverting' });
    expect(await cancelTask(db, id, alice, null)).toEqual({ changed: false, state: 'reverting' });
    await undo(task);
    expect(await runsOf(task)).toEqual([[1, 'reverted']]);
  });

  test('is no retry: what a retry lets go on is not restarted', async () => {
    const task = await held();
    const { db, id } = task;
    await retryTask(db, id, alice, null);
    await restartTask(db, id, alice, null);
    expect(await stateOf(task)).toBe('cancelling');
  });
});

describe('the restart of a task', () => {
  test('that no hook ran for ends it and starts the next run at once', async () => {
    const task = await pending();
    expect(await restartTask(task.db, task.id, alice, null)).toMatchObject({ changed: true, state: 'reverted' });
    expect(await runsOf(task)).toEqual([
      [2, 'pending'],
      [1, 'reverted'],
    ]);
  });

  test.each(['running', 'paused', 'cancelling'])('that is %s undoes it as canceled first', async (state) => {
    const task = await pending();
    const { db, owner, node, id } = task;
    await planStep(db, owner, node, id, { rows: 2 });
    if (state === 'paused') {
      await pauseTask(db, id, alice, null);
      await owner.settle(id);
    }
    if (state === 'cancelling') await cancelTask(db, id, alice, null);
    expect(await stateOf(task)).toBe(state);
    expect(await restartTask(db, id, alice, null)).toMatchObject({ changed: true, state: 'cancelling' });
    await owner.stop(id);
    await undo(task);
    expect(await readTask(db, id)).toMatchObject({ outcome: 'canceled' });
    expect(await runsOf(task)).toHaveLength(2);
  });

  test('that was submitted by the SQL function and that nobody has checked yet keeps its options', async () => {
    const store = await server.store();
    const session = await store.session();
    const [row] = await session.run<{ id: string }>(
      `SELECT longshore.submit_task('toy', '{"n": 1}', '{"key": "a", "priority": 3}')::text AS id`,
    );
    await restartTask(store.db, row!.id, alice, null);
    const rows = await session.run(`SELECT is_validated, submitted, meta FROM tasks WHERE state = 'pending'`);
    expect(rows).toEqual([{ is_validated: false, submitted: { priority: 3 }, meta: { n: 1 } }]);
  });

  test('and a submit with --again at the same moment start one run', async () => {
    const task = await held();
    const { db } = task;
    await restartTask(db, task.id, alice, null);
    const [submitted] = await Promise.all([submitTask(db, newTask('a'), { again: true }), undo(task)]);
    expect(await runsOf(task)).toHaveLength(2);
    expect([task.id, await newest(task)]).toContain(submitted.id);
  });

  test('that goes on after a failed revert is forgotten', async () => {
    const task = await held();
    const { db, owner, id } = task;
    await restartTask(db, id, alice, null);
    await owner.insertControl(id, 'reverting', 'revert', 'n1');
    const [revert] = await claimSubtasks(db, task.node, [], await controlsOf(db, id));
    await settle(db, task.node, [revert!], { how: 'fail', error: FAILURE });
    await owner.fail(id, FAILURE, { guard: 'a revert failed' });
    await resumeTask(db, id, alice, null);
    expect(await readTask(db, id)).toMatchObject({ state: 'resuming', isRestarting: false });
  });
});

describe('a retry that finds that its run can not succeed', () => {
  const CHANGED = { ...FAILURE, details: { retryInVain: true, nothingDone: true } };

  test('begins anew when nothing of it was done, in the name of who asked for it', async () => {
    const task = await held();
    const { db, owner, id } = task;
    await retryTask(db, id, alice, 'mended');
    expect(await owner.fail(id, CHANGED)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'reverting', isRestarting: true });
    expect(await undo(task)).toBe(true);
    expect(await runsOf(task)).toEqual([
      [2, 'pending'],
      [1, 'reverted'],
    ]);
    const next = await newest(task);
    expect(await eventsOf(db, next)).toMatchObject([
      { kind: 'submit', principal: { name: 'alice' }, message: expect.stringContaining('its retry') as string },
    ]);
  });

  test.each([
    ['something of it was done', { ...FAILURE, details: { retryInVain: true } }, true],
    ['nobody has asked for a retry', CHANGED, false],
  ])('awaits resolution again when %s', async (_, error, isRetried) => {
    const task = isRetried ? await held() : await pending({ onFailure: 'hold' });
    const { db, owner, node, id } = task;
    if (isRetried) await retryTask(db, id, alice, null);
    else await planStep(db, owner, node, id, { rows: 2 });
    expect(await owner.fail(id, error)).toBe(true);
    expect(await readTask(db, id)).toMatchObject({ state: 'awaiting-resolution', isRestarting: false });
  });
});
