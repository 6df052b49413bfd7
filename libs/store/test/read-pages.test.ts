import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  listTasks,
  readEvents,
  readPreviousSubtasks,
  readProgress,
  readSubtasks,
  readTask,
  readTaskStates,
  readTypes,
  registerType,
  saveProgress,
  settleSubtasks,
  skipFailed,
  type StoredType,
} from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  ended,
  FAILURE,
  leadingOwner,
  planStep,
  runningTask,
  settle,
  submit,
  SUCCEEDED,
} from './fixtures/tasks.ts';

const server = useStoreServer();

describe('pages', () => {
  test('of subtasks are complete and without a double while rows move into history', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const node = await addNode(db, 'n1');
    await runningTask(db, owner, node, { rows: 5 });
    const taskId = await runningTask(db, owner, node, { rows: 101 });
    const seen: string[] = [];
    for (;;) {
      const page = await readSubtasks(db, taskId, seen.at(-1) ?? '0', 10);
      if (page.length === 0) break;
      seen.push(...page.map((row) => row.id));
      await settle(db, node, await claim(db, node, taskId, 13), SUCCEEDED);
    }
    expect(seen).toHaveLength(102);
    expect(new Set(seen).size).toBe(102);
    expect(seen).toEqual(seen.toSorted((a, b) => Number(BigInt(a) - BigInt(b))));
  });

  test('of tasks are complete and without a double while tasks move into history', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const ids: string[] = [];
    for (let count = 0; count < 25; count++) ids.push(await submit(db));
    const seen: string[] = [];
    for (;;) {
      const page = await listTasks(db, { withHistory: true, limit: 4, before: seen.at(-1) });
      if (page.length === 0) break;
      seen.push(...page.map((task) => task.id));
      for (const id of ids.splice(0, 4)) {
        await cancelTask(db, id, 'client', null);
        await owner.archive(id);
      }
    }
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  });

  test('of tasks are filtered by state and type, with and without history', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const archived = await submit(db);
    await cancelTask(db, archived, 'client', null);
    await owner.archive(archived);
    const other = await submit(db, { type: 'other' });
    const pending = await submit(db);
    const list = async (filter: object) =>
      (await listTasks(db, { withHistory: false, limit: 9, ...filter })).map((task) => task.id);
    expect(await list({})).toEqual([pending, other]);
    expect(await list({ withHistory: true })).toEqual([pending, other, archived]);
    expect(await list({ type: 'toy' })).toEqual([pending]);
    expect(await list({ withHistory: true, states: ['reverted'] })).toEqual([archived]);
    expect(await list({ states: [] })).toEqual([]);
  });

  test('of events and of the step before go on after what was seen', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const node = await addNode(db, 'n1');
    const taskId = await runningTask(db, owner, node, { rows: 7 });
    const claimed = await claim(db, node, taskId, 7);
    await settleSubtasks(
      db,
      node,
      claimed.map((one) => ended(one, one.ordinal === 3 ? { how: 'cancel' } : { how: 'succeed', result: one.ordinal })),
    );
    const first = await readPreviousSubtasks(db, taskId, 'load', 0, 4);
    const rest = await readPreviousSubtasks(db, taskId, 'load', first.at(-1)!.ordinal, 4);
    // What was canceled is no part of what the next step gets.
    expect([...first, ...rest].map((one) => one.result)).toEqual([1, 2, 4, 5, 6, 7]);
    await cancelTask(db, taskId, 'client', null);
    expect((await readEvents(db, taskId, 1, 1)).map((event) => event.seq)).toEqual([2]);
    expect((await readEvents(db, taskId, 2, 9)).map((event) => event.kind)).toEqual(['cancel']);
  });
});

test('progress counts what was skipped, what was stopped and what failed apart from each other and from what is done', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const n1 = await addNode(db, 'n1');
  const taskId = await submit(db, { onFailure: 'hold' });
  await planStep(db, owner, n1, taskId, { rows: 7, step: 'load' });
  const [skipped, done, stopped, failed] = await claim(db, n1, taskId, 4);
  await settle(db, n1, [done!], SUCCEEDED);
  await settle(db, n1, [skipped!], { how: 'fail', error: FAILURE });
  await owner.fail(taskId, FAILURE);
  expect(await skipFailed(db, taskId, 'a user', null)).toMatchObject({ skipped: 1 });
  expect(await readTask(db, taskId)).toMatchObject({ skipped: { subtasks: 1, hooks: 0 } });
  const counted = async (): Promise<unknown> => {
    const { steps, nodes } = await readProgress(db, taskId, 'load');
    return { ...steps[0], onNode: nodes[0]?.skipped };
  };
  expect(await counted()).toMatchObject({
    succeeded: 1,
    skipped: 1,
    failed: 0,
    canceled: 0,
    running: 2,
    pending: 3,
    onNode: 1,
  });

  await settle(db, n1, [failed!], { how: 'fail', error: FAILURE });
  await cancelTask(db, taskId, 'a user', null);
  await settle(db, n1, [stopped!], { how: 'cancel' });
  await owner.stop(taskId);
  await owner.endPending(taskId);
  expect(await counted()).toMatchObject({ succeeded: 1, skipped: 1, failed: 1, canceled: 4, running: 0, pending: 0 });
  await owner.undo(taskId, null);
  await owner.archive(taskId);
  expect(await readTask(db, taskId)).toMatchObject({ isArchived: true, skipped: { subtasks: 1, hooks: 0 } });
  expect(await counted()).toMatchObject({ total: 7, succeeded: 1, skipped: 1, failed: 1, canceled: 4 });
  const [listed] = await listTasks(db, { withHistory: true, limit: 1 });
  expect(listed?.skipped).toEqual({ subtasks: 1, hooks: 0 });
});

test('progress counts each step from hot rows and history, and what was run again', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const [n1, n2] = [await addNode(db, 'n1'), await addNode(db, 'n2')];
  const taskId = await runningTask(db, owner, n1, { rows: 2, step: 'scan' });
  await settle(db, n1, await claim(db, n1, taskId, 2), { ...SUCCEEDED, rows: 10, bytes: 100 });
  await planStep(db, owner, n1, taskId, { rows: 7, step: 'load', nodes: ['n1', 'n2'] });
  const [retried, done] = await claim(db, n1, taskId, 2);
  await settleSubtasks(db, n1, [
    ended(retried!, { how: 'retry', error: FAILURE, afterMs: 3_600_000 }),
    ended(done!, { how: 'succeed', rows: 3, bytes: 30 }),
  ]);
  const [running, failed] = await claim(db, n2, taskId, 2);
  await saveProgress(db, n2, [{ ...running!, rows: 1, bytes: 4 }]);
  await settle(db, n2, [failed!], { how: 'fail', error: FAILURE });
  const progress = await readProgress(db, taskId, 'load');
  const none = { totalRows: null, totalBytes: null, skipped: 0, canceled: 0 };
  expect(progress.steps).toEqual([
    { step: 'scan', total: 2, pending: 0, running: 0, succeeded: 2, failed: 0, rows: 20, bytes: 200, ...none },
    { step: 'load', total: 7, pending: 4, running: 1, succeeded: 1, failed: 1, rows: 4, bytes: 34, ...none },
  ]);
  expect(progress.nodes).toMatchObject([
    { node: 'n1', running: 0, pending: 3, succeeded: 1, rows: 3 },
    { node: 'n2', running: 1, pending: 1, succeeded: 0, rows: 1 },
  ]);
  expect(progress.rerun).toBe(1);
  expect(progress.controls).toEqual([]);
});

test('states are read for the tasks that are active', async () => {
  const { db } = await server.store();
  const [one, two] = [await submit(db), await submit(db)];
  await cancelTask(db, two, 'client', null);
  expect(await readTaskStates(db, 'n1', [one, two, '4711'])).toEqual(
    new Map([
      [one, { state: 'pending', revision: 0, isReserved: false, hasNodes: false, hasOthers: true, isForced: false }],
      [two, { state: 'reverted', revision: 0, isReserved: false, hasNodes: false, hasOthers: true, isForced: false }],
    ]),
  );
  expect(await readTaskStates(db, 'n1', [])).toEqual(new Map());
});

test('types are read newest version first, and registered again they are overwritten', async () => {
  const { db } = await server.store();
  const type = (name: string, version: string, description = ''): StoredType => ({
    type: name,
    version,
    description,
    contract: 1,
    steps: ['load'],
    hooks: [],
    schema: {},
    defaults: { slots: 2 },
  });
  for (const one of [type('b', '1.0.0'), type('a', '1.9.0'), type('a', '1.10.0'), type('a', '1.9.0', 'again')])
    await registerType(db, one);
  expect((await readTypes(db)).map((one) => `${one.type} ${one.version}`)).toEqual(['a 1.10.0', 'a 1.9.0', 'b 1.0.0']);
  expect((await readTypes(db, 'a'))[1]).toEqual(type('a', '1.9.0', 'again'));
});
