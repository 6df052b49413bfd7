import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  claimSubtasks,
  readEvents,
  readPreviousSubtasks,
  readSchedulingSnapshot,
  readSubtasks,
  readTask,
  type OwnerWrites,
} from '../src/index.ts';
import { useStoreServer, type Session, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  claimPlan,
  controlsOf,
  FAILURE,
  leadingOwner,
  planStep,
  runningTask,
  settle,
  submit,
  SUCCEEDED,
} from './fixtures/tasks.ts';

const server = useStoreServer();

async function bulkWork(session: Session, taskId: string, count: number, attempt = 0): Promise<void> {
  await session.run(
    `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, attempt, is_idempotent, meta)
     SELECT $1, 'work', 'load', 1, n, 'pending', 'n' || (n % 4 + 1), $3, true, '{}' FROM generate_series(1, $2::int) n`,
    [taskId, count, attempt],
  );
}

async function endAll(owner: OwnerWrites, taskId: string): Promise<number> {
  let pages = 1;
  while (await owner.endPending(taskId)) pages += 1;
  return pages;
}

/** What the tables hold, beside what only reads touched. */
function rowsOf(store: TestStore) {
  return store.db.selectFrom('subtasks').select(['kind', 'state', 'ordinal']).orderBy('id').execute();
}

describe('taking a plan', () => {
  test('of 100,000 rows is the update of one: they are all claimable, and none was touched', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await submit(store.db);
    const plan = await claimPlan(store.db, owner, node, taskId);
    const session = await store.session();
    await bulkWork(session, taskId, 100_000);
    await settle(store.db, node, [plan], {
      how: 'succeed',
      result: { step: 'load', planAttempt: 1, subtasks: 100_000, totalRows: 5, totalBytes: 7 },
    });
    const touched = `SELECT count(*)::int AS n FROM subtasks WHERE kind = 'work' AND (xmin <> (SELECT min(xmin::text)::xid FROM subtasks WHERE ordinal = 1 AND kind = 'work') OR xmax <> 0)`;
    expect(await owner.consumePlan(taskId, plan.id, { do: 'finish' })).toBe(true);
    expect(await session.run(touched)).toEqual([{ n: 0 }]);
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'running', step: 'load' });
    expect(
      await session.run('SELECT step, position, plan_attempt, subtasks, total_rows, total_bytes FROM task_steps'),
    ).toEqual([{ step: 'load', position: 1, plan_attempt: 1, subtasks: 100_000, total_rows: '5', total_bytes: '7' }]);
    expect(await claim(store.db, node, taskId, 3)).toMatchObject([{ ordinal: 4 }, { ordinal: 8 }, { ordinal: 12 }]);
    // Said again, it does nothing.
    const events = await readEvents(store.db, taskId, 0, 99);
    expect(await owner.consumePlan(taskId, plan.id, { do: 'finish' })).toBe(false);
    expect(await readEvents(store.db, taskId, 0, 99)).toEqual(events);
  });

  test('while work of the step before is left, or has failed, is refused: it would never be done', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, node, { rows: 2, step: 'scan' });
    const session = await store.session();
    await session.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta, result)
       VALUES ($1, 'plan', 'scan', 0, 1, 'succeed', 'n1', true, '{}', '{"step": "load", "planAttempt": 1, "subtasks": 0}')`,
      [taskId],
    );
    const [plan] = await controlsOf(store.db, taskId);
    const consume = () => owner.consumePlan(taskId, plan!, { do: 'finish' });
    expect(await consume()).toBe(false);
    const [done, broken] = await claim(store.db, node, taskId, 2);
    expect(await consume()).toBe(false);
    await settle(store.db, node, [done!], SUCCEEDED);
    await settle(store.db, node, [broken!], { how: 'fail', error: FAILURE });
    for (const state of ['failed', 'paused']) {
      await session.run('UPDATE subtasks SET state = $2 WHERE id = $1', [broken!.id, state]);
      expect(await consume(), state).toBe(false);
    }
    expect(await readTask(store.db, taskId)).toMatchObject({ step: 'scan' });
    await session.run(`UPDATE subtasks SET state = 'skipped' WHERE id = $1`, [broken!.id]);
    expect(await consume()).toBe(true);
    expect(await readTask(store.db, taskId)).toMatchObject({ step: 'load' });
  });

  test('that found no further step ends the task, or adds its finish hook', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const plain = await submit(store.db);
    const nothing = { how: 'succeed', result: { step: null, planAttempt: 1, subtasks: 0 } } as const;
    const plan = await claimPlan(store.db, owner, node, plain);
    await settle(store.db, node, [plan], nothing);
    expect(await owner.consumePlan(plain, plan.id, { do: 'finish' })).toBe(true);
    expect(await readTask(store.db, plain)).toMatchObject({ state: 'succeed', outcome: 'succeeded', step: null });
    expect((await readEvents(store.db, plain, 1, 9)).map((event) => [event.seq, event.kind])).toEqual([
      [2, 'plan'],
      [3, 'finish'],
    ]);

    const hooked = await runningTask(store.db, owner, node, { rows: 0 });
    const last = await claimPlan(store.db, owner, node, hooked);
    await settle(store.db, node, [last], nothing);
    expect(await owner.consumePlan(hooked, last.id, { do: 'insert-finish', node: 'n1' })).toBe(true);
    expect(await owner.finish(hooked, last.id)).toBe(false);
    const [finish] = await claimSubtasks(store.db, node, [], await controlsOf(store.db, hooked));
    expect(finish).toMatchObject({ kind: 'finish' });
    expect(await owner.finish(hooked, finish!.id)).toBe(false);
    await settle(store.db, node, [finish!], { how: 'succeed', result: { rows: 12 } });
    expect(await owner.finish(hooked, finish!.id)).toBe(true);
    expect(await readTask(store.db, hooked)).toMatchObject({ state: 'succeed', result: { rows: 12 } });
  });
});

test('a step is not over while work of it is pending, failed or paused; skipped work counts as done', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, owner, node, { rows: 2 });
  const session = await store.session();
  const answers = async () => [
    await owner.insertControl(taskId, 'running', 'plan', 'n1'),
    await owner.insertControl(taskId, 'running', 'finish', 'n1'),
    await owner.finish(taskId, null),
  ];
  expect(await answers()).toEqual([false, false, false]);
  const [done, broken] = await claim(store.db, node, taskId, 2);
  await settle(store.db, node, [done!], SUCCEEDED);
  await settle(store.db, node, [broken!], { how: 'fail', error: FAILURE });
  for (const state of ['failed', 'paused']) {
    await session.run('UPDATE subtasks SET state = $2 WHERE id = $1', [broken!.id, state]);
    expect(await answers(), state).toEqual([false, false, false]);
  }
  expect(await controlsOf(store.db, taskId)).toEqual([]);
  await session.run(`UPDATE subtasks SET state = 'skipped' WHERE id = $1`, [broken!.id]);
  expect(await answers()).toEqual([true, true, true]);
  expect(await readTask(store.db, taskId)).toMatchObject({ state: 'succeed' });
});

test('a prepare that is taken changes what the task needs, once', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await submit(store.db, { slots: 8, slotsPerSubtask: 8 });
  await owner.insertControl(taskId, 'pending', 'prepare', 'n1');
  await owner.insertControl(taskId, 'pending', 'prepare', 'n1');
  const controls = await controlsOf(store.db, taskId);
  expect(controls).toHaveLength(1);
  const [prepare] = await claimSubtasks(store.db, node, [], controls);
  expect(await owner.consumePrepare(taskId, prepare!.id)).toBe(false);
  await settle(store.db, node, [prepare!], {
    how: 'succeed',
    result: { slots: 2, maxNodes: 3, meta: { measured: true } },
  });
  expect(await owner.consumePrepare(taskId, prepare!.id)).toBe(true);
  expect(await owner.consumePrepare(taskId, prepare!.id)).toBe(false);
  expect(await readTask(store.db, taskId)).toMatchObject({ slots: 2, slotsPerSubtask: 2, maxNodes: 3 });
  expect((await readSchedulingSnapshot(store.db))[0]).toMatchObject({ isPrepared: true, hookRan: true, controls: [] });
});

describe('a task that is undone', () => {
  // ✗ tried: all of them at once, 17 to 20 s for a million.
  test('ends its pending rows in pages: fresh ones are counted, those that ran once keep their traces', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, node, { rows: 0 });
    const session = await store.session();
    await bulkWork(session, taskId, 20_500);
    const claimed = await claim(store.db, node, taskId, 3);
    await settle(store.db, node, claimed.slice(0, 2), { how: 'release', reason: 'drain' });
    await cancelTask(store.db, taskId, 'client', null);
    expect(await owner.endPending(taskId)).toBe(false);
    expect(await owner.stop(taskId)).toBe(true);
    expect(await endAll(owner, taskId)).toBe(3);
    // The one that runs ends by its holder's word; until then the task can't be undone.
    expect(await rowsOf(store)).toEqual([{ kind: 'work', state: 'running', ordinal: 12 }]);
    expect(await owner.insertControl(taskId, 'reverting', 'revert', 'n1')).toBe(false);
    expect(await owner.undo(taskId, null)).toBe(false);
    await settle(store.db, node, claimed.slice(2), { how: 'cancel' });
    expect(await owner.undo(taskId, null)).toBe(true);
    expect(await session.run('SELECT canceled FROM task_steps')).toEqual([{ canceled: 20_497 }]);
    expect(
      await session.run(`SELECT ordinal, state FROM subtask_history WHERE kind = 'work' ORDER BY ordinal`),
    ).toEqual([
      { ordinal: 4, state: 'canceled' },
      { ordinal: 8, state: 'canceled' },
      { ordinal: 12, state: 'canceled' },
    ]);
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });

  test('after a failure has that as its outcome, with the first error', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, node, { rows: 2 });
    await settle(store.db, node, await claim(store.db, node, taskId, 1), { how: 'fail', error: FAILURE });
    expect((await readSchedulingSnapshot(store.db))[0]).toMatchObject({ firstFailure: FAILURE, hasPending: true });
    expect(await owner.fail(taskId, FAILURE)).toBe(true);
    await endAll(owner, taskId);
    expect(await owner.insertControl(taskId, 'reverting', 'revert', 'n1')).toBe(true);
    const [revert] = await claimSubtasks(store.db, node, [], await controlsOf(store.db, taskId));
    await settle(store.db, node, [revert!], SUCCEEDED);
    expect(await owner.undo(taskId, revert!.id)).toBe(true);
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'reverted', outcome: 'failed', error: FAILURE });
  });

  test('with onFailure hold awaits resolution instead', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await submit(store.db, { onFailure: 'hold' });
    await planStep(store.db, owner, node, taskId, { rows: 1 });
    expect(await owner.fail(taskId, FAILURE)).toBe(true);
    expect(await readTask(store.db, taskId)).toMatchObject({
      state: 'awaiting-resolution',
      error: FAILURE,
      outcome: null,
    });
    expect(await claim(store.db, node, taskId, 1)).toEqual([]);
  });

  test('that has changed nothing yet is undone, even with onFailure hold', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const taskId = await submit(store.db, { onFailure: 'hold' });
    expect(await owner.fail(taskId, FAILURE, { isUntouched: true })).toBe(true);
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'reverting', error: FAILURE });
  });

  test('whose revert failed awaits resolution too', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const taskId = await runningTask(store.db, owner, await addNode(store.db, 'n1'), { rows: 0 });
    await owner.fail(taskId, FAILURE);
    expect(await owner.fail(taskId, { ...FAILURE, code: 'REVERT_BROKEN' }, { guard: 'a revert failed' })).toBe(true);
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'awaiting-resolution', error: FAILURE });
  });
});

describe('archiving', () => {
  test('moves the task and whatever is left of it, in pages', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, node, { rows: 1 });
    await settle(store.db, node, await claim(store.db, node, taskId, 1), SUCCEEDED);
    await owner.finish(taskId, null);
    const session = await store.session();
    // What an abandoned plan left: never claimable, so it doesn't keep the task from its end.
    await session.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       SELECT $1, 'work', 'later', 1, n, CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'failed' END, 'n1', true, '{}'
       FROM generate_series(1, 10001) n`,
      [taskId],
    );
    const before = await readTask(store.db, taskId);
    expect(await owner.archive(taskId)).toBe(true);
    expect(await readTask(store.db, taskId)).toMatchObject({ isArchived: false });
    expect(await owner.archive(taskId)).toBe(true);
    expect(await readTask(store.db, taskId)).toEqual({ ...before, isArchived: true });
    expect(await rowsOf(store)).toEqual([]);
    const states = await session.run(
      `SELECT state, count(*)::int AS n FROM subtask_history WHERE kind = 'work' GROUP BY 1 ORDER BY 1`,
    );
    expect(states).toEqual([
      { state: 'canceled', n: 5000 },
      { state: 'failed', n: 5001 },
      { state: 'succeed', n: 1 },
    ]);
    expect(await readPreviousSubtasks(store.db, taskId, 'load', 0, 9)).toHaveLength(1);
    expect(await owner.archive(taskId)).toBe(false);
    expect(await readSchedulingSnapshot(store.db)).toEqual([]);
  });

  // ✗ tried: an insert that doesn't hang on the task's row. A control subtask was written for a task that was gone, and nobody ever took it.
  test('ends everything: no write of an owner does anything for a task that has left', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const taskId = await submit(store.db);
    await owner.refuse(taskId, FAILURE);
    await owner.archive(taskId);
    const events = await readEvents(store.db, taskId, 0, 9);
    const kinds = ['prepare', 'plan', 'finish', 'revert', 'clean'] as const;
    for (const state of ['pending', 'running', 'reverting', 'failed']) {
      for (const kind of kinds) expect(await owner.insertControl(taskId, state, kind, 'n1', ['n1'])).toBe(false);
    }
    const answers = [
      await owner.consumePrepare(taskId, '1'),
      await owner.consumePlan(taskId, '1', { do: 'insert-finish', node: 'n1' }),
      await owner.finish(taskId, null),
      await owner.fail(taskId, FAILURE),
      await owner.refuse(taskId, FAILURE),
      await owner.stop(taskId),
      await owner.endPending(taskId),
      await owner.undo(taskId, null),
      await owner.archive(taskId),
    ];
    expect(answers).toEqual(answers.map(() => false));
    expect(await rowsOf(store)).toEqual([]);
    expect(await readEvents(store.db, taskId, 0, 9)).toEqual(events);
  });

  test("waits for a row that still runs: it ends by its holder's word alone", async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await submit(store.db);
    await owner.insertControl(taskId, 'pending', 'prepare', 'n1');
    const claimed = await claimSubtasks(store.db, node, [], await controlsOf(store.db, taskId));
    expect(await owner.refuse(taskId, FAILURE)).toBe(true);
    expect(await owner.archive(taskId)).toBe(false);
    expect(await rowsOf(store)).toMatchObject([{ kind: 'prepare', state: 'running' }]);
    await settle(store.db, node, claimed, { how: 'cancel' });
    expect(await owner.archive(taskId)).toBe(true);
    expect(await readSubtasks(store.db, taskId, '0', 9)).toMatchObject([{ kind: 'prepare', state: 'canceled' }]);
  });
});

test('admissions keep since when a task waits while the reason stays the same', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const [one, two] = [await submit(store.db), await submit(store.db)];
  const waiting = { code: 'NO_SLOTS', message: 'no slots' };
  await owner.saveAdmissions([
    { taskId: two, reservedNodes: ['n2', 'n1'], waiting: null },
    { taskId: one, reservedNodes: [], waiting },
  ]);
  const first = await readTask(store.db, one);
  expect(first!.waiting).toMatchObject(waiting);
  expect(new Date(first!.waiting!.since).getTime()).not.toBeNaN();
  expect((await readTask(store.db, two))!.reservedNodes).toEqual(['n2', 'n1']);
  await owner.saveAdmissions([{ taskId: one, reservedNodes: [], waiting: { ...waiting, message: 'other words' } }]);
  expect((await readTask(store.db, one))!.waiting).toEqual({ ...first!.waiting, message: 'other words' });
  await cancelTask(store.db, two, 'client', null);
  await owner.saveAdmissions([{ taskId: two, reservedNodes: ['n3'], waiting }]);
  expect(await readTask(store.db, two)).toMatchObject({ state: 'reverted', reservedNodes: [], waiting: null });
});

test('what a task outside of the admission waits for is written without its nodes', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, owner, node, { rows: 1 });
  const waiting = { code: 'NO_NODE_WITH_TYPE', message: 'no live node has it' };
  await owner.saveAdmissions([{ taskId, reservedNodes: null, waiting }]);
  expect(await readTask(store.db, taskId)).toMatchObject({ reservedNodes: ['n1'], waiting });
  await cancelTask(store.db, taskId, 'client', null);
  await owner.stop(taskId);
  expect(await readTask(store.db, taskId)).toMatchObject({ state: 'reverting', waiting: null });
  await owner.saveAdmissions([{ taskId, reservedNodes: null, waiting }]);
  expect(await readTask(store.db, taskId)).toMatchObject({ state: 'reverting', reservedNodes: ['n1'], waiting });
  await owner.saveAdmissions([{ taskId, reservedNodes: null, waiting: null }]);
  expect(await readTask(store.db, taskId)).toMatchObject({ waiting: null });
});
