import { describe, expect, test } from 'vitest';
import {
  claimUnlocked,
  electLeader,
  extendAllLeases,
  fenceExpiredNodes,
  findUnlockedTasks,
  LockPatience,
  moveControl,
  ownerWrites,
  readNodes,
  readStrandedControls,
  readTask,
  saveProgress,
  setNodeState,
  sweepOrphans,
  cancelTask,
  endCleanUp,
  leaseThrottle,
  modifyTask,
  pauseTask,
  releaseUnknown,
  resumeTask,
  retryTask,
  revertTask,
  skipFailed,
} from '../src/index.ts';
import { useStoreServer, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  controlsOf,
  FAILURE,
  lead,
  leadingOwner,
  LONG_MS,
  runningTask,
  settle,
  submit,
  SUCCEEDED,
} from './fixtures/tasks.ts';

/** What others have locked, for longer than any test takes, delays only what needs that very row. */
const server = useStoreServer();

/** Locks rows in a session of the test's own. @returns what lets them go. */
async function hold(store: TestStore, table: string, condition: string): Promise<() => Promise<unknown>> {
  const session = await store.session();
  await session.run('BEGIN');
  const rows = await session.run(`SELECT 1 FROM ${table} WHERE ${condition} FOR UPDATE`);
  expect(rows).not.toEqual([]);
  return () => session.run('ROLLBACK');
}

describe('a locked task', () => {
  test('delays the admission of no other', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const [locked, other] = [await submit(store.db), await submit(store.db)];
    const changes = [locked, other].map((taskId) => ({ taskId, reservedNodes: ['n1'], waiting: null }));
    const letGo = await hold(store, 'tasks', `id = ${locked}`);

    expect(await owner.saveAdmissions(changes)).toMatchObject([{ item: locked, error: { code: '55P03' } }]);
    expect(await readTask(store.db, other)).toMatchObject({ reservedNodes: ['n1'] });
    expect(await readTask(store.db, locked)).toMatchObject({ reservedNodes: [] });
    expect(await findUnlockedTasks(store.db, [locked, other])).toEqual(new Set([other]));

    await letGo();
    expect(await findUnlockedTasks(store.db, [locked, other])).toEqual(new Set([locked, other]));
    expect(await owner.saveAdmissions(changes)).toEqual([]);
    expect(await readTask(store.db, locked)).toMatchObject({ reservedNodes: ['n1'] });
  });

  test('is given up on by the leading owner’s other writes too', async () => {
    const store = await server.store();
    const owner = ownerWrites(store.db, await lead(store.db, 'owner'), 'owner o1', new LockPatience());
    const id = await submit(store.db);
    const letGo = await hold(store, 'tasks', `id = ${id}`);
    await expect(owner.refuse(id, FAILURE)).rejects.toMatchObject({ code: '55P03' });
    await expect(owner.insertControl(id, 'pending', 'plan', 'n1')).rejects.toMatchObject({ code: '55P03' });
    await letGo();
    expect(await owner.refuse(id, FAILURE)).toBe(true);
  });

  test('delays no election: a leader that waits for it doesn’t have its fence yet', async () => {
    const store = await server.store();
    const lease = await lead(store.db, 'owner', 'old');
    const id = await submit(store.db);
    const letGo = await hold(store, 'tasks', `id = ${id}`);
    const late = expect(
      ownerWrites(store.process('old').db, lease, 'owner old').refuse(id, FAILURE),
    ).rejects.toMatchObject({ code: 'LEADER_LOST' });
    await store.blocked('old');
    const session = await store.session();
    await session.run(`UPDATE leases SET expires_at = '-infinity' WHERE name = 'owner'`);
    // With the fence this would wait until the other's wait is over, or end its session.
    expect(
      await electLeader(store.process('new', { lock_timeout: '100ms' }).db, 'owner', 'new', LONG_MS),
    ).not.toBeNull();
    await letGo();
    await late;
    expect(await readTask(store.db, id)).toMatchObject({ state: 'pending' });
  });

  test('delays no claim of others’ subtasks, whichever way they are asked for', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const [locked, other] = [
      await runningTask(store.db, owner, n1, { rows: 1 }),
      await runningTask(store.db, owner, n1, { rows: 1 }),
    ];
    const [lockedPlan, otherPlan, lockedHint, otherHint] = [1, 2, 3, 4].map(() => submit(store.db));
    const hooks = await Promise.all([lockedPlan!, otherPlan!, lockedHint!, otherHint!]);
    for (const id of hooks) await owner.insertControl(id, 'pending', 'plan', 'n1');
    const [plan, otherOnes] = [await controlsOf(store.db, hooks[0]), await controlsOf(store.db, hooks[1])];
    const requests = [locked, other].map((taskId) => ({ taskId, limit: 1, afterOrdinal: 0 }));
    const claimAll = () => claimUnlocked(store.db, n1, requests, [...plan, ...otherOnes], [hooks[2], hooks[3]]);
    const letGo = await hold(store, 'tasks', `id IN (${locked}, ${hooks[0]}, ${hooks[2]})`);

    const tasksOf = (claimed: readonly { readonly taskId: string }[]) => claimed.map((one) => one.taskId).toSorted();
    expect(tasksOf(await claimAll())).toEqual([other, hooks[1], hooks[3]].toSorted());
    await letGo();
    expect(tasksOf(await claimAll())).toEqual([locked, hooks[0], hooks[2]].toSorted());
  });

  test('is not waited for by what somebody asks of it: the answer says so', async () => {
    const store = await server.store();
    const id = await submit(store.db);
    const letGo = await hold(store, 'tasks', `id = ${id}`);
    const asked = [cancelTask, pauseTask, resumeTask, retryTask, skipFailed, revertTask, endCleanUp].map((ask) =>
      expect(ask(store.db, id, 'client test', null)).rejects.toMatchObject({ code: 'ROW_LOCKED', permanent: false }),
    );
    await Promise.all([
      ...asked,
      expect(modifyTask(store.db, id, { slots: 2 }, 'client test', null)).rejects.toMatchObject({ code: 'ROW_LOCKED' }),
    ]);
    await letGo();
    expect(await pauseTask(store.db, id, 'client test', null)).toMatchObject({ changed: true });
  });

  test('keeps no rows of others that their node doesn’t know from being handed back', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const [locked, other] = [
      await runningTask(store.db, owner, n1, { rows: 1, isIdempotent: false }),
      await runningTask(store.db, owner, n1, { rows: 1, isIdempotent: false }),
    ];
    for (const id of [locked, other]) await claim(store.db, n1, id, 1);
    const letGo = await hold(store, 'tasks', `id = ${locked}`);
    expect(await releaseUnknown(store.db, n1, [])).toBe(1);
    await letGo();
    expect(await releaseUnknown(store.db, n1, [])).toBe(1);
  });

  test('’s budget is given up on soon', async () => {
    const store = await server.store();
    const id = await submit(store.db, { throttle: { rows: 10 } });
    await leaseThrottle(store.db, 'n1', id, { rows: 1 });
    const letGo = await hold(store, 'task_budgets', `task_id = ${id}`);
    await expect(leaseThrottle(store.db, 'n1', id, { rows: 1 })).rejects.toMatchObject({ code: '55P03' });
    await letGo();
    expect(await leaseThrottle(store.db, 'n1', id, { rows: 1 })).toMatchObject({ limits: { rows: 10 } });
  });

  test('keeps its rows from being freed, and those of no other', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const manager = await lead(store.db, 'node-manager');
    const n1 = await addNode(store.db, 'n1');
    const [locked, other] = [
      await runningTask(store.db, owner, n1, { rows: 1 }),
      await runningTask(store.db, owner, n1, { rows: 2 }),
    ];
    for (const id of [locked, other]) await claim(store.db, n1, id, 9);
    await setNodeState(store.db, n1, 'stopped');
    const letGo = await hold(store, 'tasks', `id = ${locked}`);
    const left: string[] = [];
    const freed = await sweepOrphans(store.db, manager, ({ what }) => left.push(what));
    expect(freed).toMatchObject([{ taskId: other }, { taskId: other }]);
    expect(left).toEqual([`subtasks of task ${locked}`]);
    await letGo();
    expect(await sweepOrphans(store.db, manager)).toMatchObject([{ taskId: locked }]);
  });

  test('with more lost rows than a sweep looks at hides none behind them', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    const [locked, other] = [await submit(store.db), await submit(store.db)];
    const session = await store.session();
    const lose = (id: string, rows: number) =>
      session.run(
        `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, node_epoch, is_idempotent, meta)
         SELECT $1, 'work', 'load', 1, n, 'running', 'gone', 1, true, '{}' FROM generate_series(1, $2::int) n`,
        [id, rows],
      );
    await lose(locked, 1_500);
    await lose(other, 1);
    const letGo = await hold(store, 'tasks', `id = ${locked}`);
    expect(await sweepOrphans(store.db, manager)).toMatchObject([{ taskId: other }]);
    await letGo();
    expect(await sweepOrphans(store.db, manager)).toHaveLength(1_000);
  });
});

describe('a locked subtask', () => {
  test('keeps no other’s progress from being stored, and is not taken for lost', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 3 });
    const [locked, other, lost] = await claim(store.db, n1, taskId, 3);
    await settle(store.db, n1, [lost!], SUCCEEDED);
    const letGo = await hold(store, 'subtasks', `id = ${locked!.id}`);
    const saving = store.process('saving', { lock_timeout: '100ms' }).db;
    const progress = [locked, other, lost].map((one) => ({ ...one!, rows: 7, bytes: 1 }));
    expect(await saveProgress(saving, n1, progress)).toEqual([lost!.id]);
    const session = await store.session();
    const rows = () => session.run(`SELECT id, rows::int FROM subtasks ORDER BY id`);
    expect(await rows()).toEqual([
      { id: locked!.id, rows: 0 },
      { id: other!.id, rows: 7 },
    ]);
    await letGo();
    expect(await saveProgress(saving, n1, progress)).toEqual([lost!.id]);
    expect(await rows()).toMatchObject([{ rows: 7 }, { rows: 7 }]);
  });

  test('of a lost node keeps no other of its task from being freed', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const manager = await lead(store.db, 'node-manager');
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 2 });
    const [locked, other] = await claim(store.db, n1, taskId, 2);
    await setNodeState(store.db, n1, 'stopped');
    const letGo = await hold(store, 'subtasks', `id = ${locked!.id}`);
    expect(await sweepOrphans(store.db, manager)).toMatchObject([{ id: other!.id }]);
    await letGo();
    expect(await sweepOrphans(store.db, manager)).toMatchObject([{ id: locked!.id }]);
  });

  test('of a hook stays on its node, and the balancer doesn’t wait for it', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const balancer = await lead(store.db, 'balancer');
    const n1 = await addNode(store.db, 'n1');
    const id = await submit(store.db);
    await owner.insertControl(id, 'pending', 'plan', 'n1');
    await setNodeState(store.db, n1, 'stopped');
    const [control] = await readStrandedControls(store.db);
    const letGo = await hold(store, 'subtasks', `id = ${(await controlsOf(store.db, id))[0]}`);
    const balancing = store.process('balancing', { lock_timeout: '100ms' }).db;
    expect(await moveControl(balancing, balancer, control!, 'n2')).toBe(false);
    await letGo();
    expect(await moveControl(balancing, balancer, control!, 'n2')).toBe(true);
  });
});

describe('a locked node', () => {
  test('keeps no other from being declared dead', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    for (const id of ['n1', 'n2', 'n3']) await addNode(store.db, id, 0);
    const letGo = await hold(store, 'nodes', `id = 'n1'`);
    const left: string[] = [];
    const onLeftOut = ({ what }: { readonly what: string }) => left.push(what);
    expect(await fenceExpiredNodes(store.db, manager, 0, { onLeftOut })).toEqual(['n2', 'n3']);
    expect(left).toEqual(['node n1']);
    await letGo();
    expect(await fenceExpiredNodes(store.db, manager, 0)).toEqual(['n1']);
  });

  test('keeps no other from a fresh lease after an outage, and gets its own before it may be declared dead', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    for (const id of ['n1', 'n2']) await addNode(store.db, id, 0);
    const letGo = await hold(store, 'nodes', `id = 'n1'`);
    const owed = await extendAllLeases(store.db, manager, LONG_MS);
    expect(owed).toEqual(['n1']);
    await letGo();
    expect(await fenceExpiredNodes(store.db, manager, 0, { spared: owed })).toEqual([]);
    expect(await extendAllLeases(store.db, manager, LONG_MS, owed)).toEqual([]);
    expect(await fenceExpiredNodes(store.db, manager, 0)).toEqual([]);
    expect((await readNodes(store.db)).map((node) => node.state)).toEqual(['live', 'live']);
  });
});
