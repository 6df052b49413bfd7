import { nodeId, taskId as idOf, type Move } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import {
  claimSubtasks,
  moveControl,
  moveSubtasks,
  readImbalances,
  readNodeHooks,
  readStrandedControls,
  setNodeState,
} from '../src/index.ts';
import { useStoreServer, type TestStore } from './fixtures/store-server.ts';
import { addNode, claim, controlsOf, lead, leadingOwner, runningTask, submit } from './fixtures/tasks.ts';

const server = useStoreServer();

function move(taskId: string, from: string, to: string, count: number): Move {
  return { taskId: idOf(taskId), from: nodeId(from), to: nodeId(to), count, reason: 'even spread' };
}

async function placesOf(store: TestStore): Promise<string> {
  const rows = await store.db
    .selectFrom('subtasks')
    .select(['exec_id', 'state'])
    .where('kind', '=', 'work')
    .orderBy('ordinal')
    .execute();
  return rows.map((row) => `${row.exec_id}${row.state === 'running' ? '*' : ''}`).join(' ');
}

async function setUp(store: TestStore, rows: number) {
  const owner = await leadingOwner(store.db);
  const balancer = await lead(store.db, 'balancer');
  const [n1] = [await addNode(store.db, 'n1'), await addNode(store.db, 'n2')];
  const taskId = await runningTask(store.db, owner, n1, { rows });
  await owner.saveAdmissions([{ taskId, reservedNodes: ['n1', 'n2'], waiting: null }]);
  return { owner, balancer, n1: n1, taskId };
}

describe('a move', () => {
  test('takes as many pending rows as it says, from the tail of their order', async () => {
    const store = await server.store();
    const { balancer, n1, taskId } = await setUp(store, 6);
    await claim(store.db, n1, taskId, 1);
    expect(await moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 2)])).toBe(2);
    expect(await placesOf(store)).toBe('n1* n1 n1 n1 n2 n2');
    // Running ones stay, whatever is asked.
    expect(await moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 9), move(taskId, 'n2', 'n1', 1)])).toBe(4);
    expect(await placesOf(store)).toBe('n1* n2 n2 n2 n2 n1');
  });

  // Tried: `id IN (SELECT … LIMIT n FOR UPDATE SKIP LOCKED)`. With fresh statistics the planner runs it again for each row, and then it
  // skips what it has moved itself: where the rows lie in the order in which they are picked, all of them went.
  test('never takes more than its limit, in whatever order the rows lie', async () => {
    const store = await server.store();
    const { balancer, taskId } = await setUp(store, 6);
    const session = await store.session();
    await session.run(`UPDATE subtasks SET ordinal = 100 - ordinal WHERE kind = 'work'`);
    expect(await moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 2)])).toBe(2);
    expect(await placesOf(store)).toBe('n1 n1 n1 n1 n2 n2');
  });

  test('skips rows that a claim is taking, and waits for nothing', async () => {
    const store = await server.store();
    const { balancer, taskId } = await setUp(store, 4);
    const claiming = await store.session();
    await claiming.run('BEGIN');
    await claiming.run('SELECT 1 FROM tasks WHERE id = $1 FOR KEY SHARE', [taskId]);
    await claiming.run(`SELECT 1 FROM subtasks WHERE task_id = $1 AND ordinal IN (3, 4) AND kind = 'work' FOR UPDATE`, [
      taskId,
    ]);
    expect(await moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 1)])).toBe(1);
    await claiming.run('ROLLBACK');
    expect(await placesOf(store)).toBe('n1 n2 n1 n1');
  });

  test('and a claim that meet share the rows between them', async () => {
    const store = await server.store();
    const { balancer, n1, taskId } = await setUp(store, 300);
    const executor = store.process('executor').db;
    const [claimed, moved] = await Promise.all([
      (async () => {
        let count = 0;
        for (let got = await claim(executor, n1, taskId, 5); got.length > 0; got = await claim(executor, n1, taskId, 5))
          count += got.length;
        return count;
      })(),
      (async () => {
        let count = 0;
        for (let round = 0; round < 20; round++)
          count += await moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 7)]);
        return count;
      })(),
    ]);
    const places = await placesOf(store);
    expect(places.match(/n1\*/g)?.length ?? 0).toBe(claimed);
    expect(places.match(/n2/g)?.length ?? 0).toBe(moved);
    expect(places).not.toMatch(/n2\*/);
    expect(claimed + moved).toBe(300);
  });

  test('is for the leading balancer alone', async () => {
    const store = await server.store();
    const { balancer, taskId } = await setUp(store, 2);
    const session = await store.session();
    await session.run(`UPDATE leases SET epoch = epoch + 1 WHERE name = 'balancer'`);
    await expect(moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 1)])).rejects.toMatchObject({
      code: 'LEADER_LOST',
    });
    const control = { id: '1', execId: 'n1', reason: 'node gone' } as const;
    await expect(moveControl(store.db, balancer, control, 'n2')).rejects.toMatchObject({ code: 'LEADER_LOST' });
    expect(await placesOf(store)).toBe('n1 n1');
  });
});

describe('imbalances', () => {
  test('are tasks with pending work on a node that they do not have, or with an idle node beside it', async () => {
    const store = await server.store();
    const { owner, balancer, n1, taskId } = await setUp(store, 4);
    await claim(store.db, n1, taskId, 1);
    const live = ['n1', 'n2'];
    expect(await readImbalances(store.db, live)).toEqual([
      { taskId, state: 'running', reservedNodes: live, loads: [{ nodeId: 'n1', pending: 3, running: 1 }] },
    ]);
    await moveSubtasks(store.db, balancer, [move(taskId, 'n1', 'n2', 2)]);
    expect(await readImbalances(store.db, live)).toEqual([]);
    await owner.saveAdmissions([{ taskId, reservedNodes: ['n1'], waiting: null }]);
    expect(await readImbalances(store.db, live)).toMatchObject([{ taskId, reservedNodes: ['n1'] }]);
    const session = await store.session();
    await session.run(`UPDATE tasks SET state = 'paused' WHERE id = $1`, [taskId]);
    expect(await readImbalances(store.db, live)).toEqual([]);
  });
});

test('a control subtask on a node that takes no work is stranded, and moved unless somebody claimed it', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const balancer = await lead(store.db, 'balancer');
  const n1 = await addNode(store.db, 'n1');
  await addNode(store.db, 'n2');
  const taskId = await submit(store.db);
  await owner.insertControl(taskId, 'pending', 'plan', 'n1');
  expect(await readStrandedControls(store.db)).toEqual([]);
  await setNodeState(store.db, n1, 'draining');
  const [stranded] = await readStrandedControls(store.db);
  expect(stranded).toEqual({
    id: (await controlsOf(store.db, taskId))[0],
    taskId,
    kind: 'plan',
    type: 'toy',
    typeVersion: '1.0.0',
    scope: '',
    selectors: null,
    reservedNodes: [],
    execId: 'n1',
    reason: 'node gone',
  });
  expect(await moveControl(store.db, balancer, stranded!, 'n2')).toBe(true);
  expect(await moveControl(store.db, balancer, stranded!, 'n2')).toBe(false);
  expect(await readStrandedControls(store.db)).toEqual([]);
});

test('a control subtask is stranded too where others have been running in all places of its node for long', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const n1 = await addNode(store.db, 'n1');
  const session = await store.session();
  for (let count = 0; count < 4; count++) {
    const hanging = await submit(store.db);
    await owner.insertControl(hanging, 'pending', 'plan', 'n1');
    await claimSubtasks(store.db, n1, [], await controlsOf(store.db, hanging));
  }
  const waits = await submit(store.db);
  await owner.insertControl(waits, 'pending', 'plan', 'n1');
  // Places that were taken a moment ago may be free in another.
  expect(await readStrandedControls(store.db)).toEqual([]);
  await session.run(`UPDATE subtasks SET started_at = started_at - interval '1 minute' WHERE state = 'running'`);
  expect(await readStrandedControls(store.db)).toMatchObject([{ taskId: waits, execId: 'n1', reason: 'no place' }]);
  const onNode = (await readNodeHooks(store.db)).map(({ state, execId }) => `${state} on ${execId}`).toSorted();
  expect(onNode).toEqual(['pending on n1', ...Array.from({ length: 4 }, () => 'running on n1')]);
  // What waits for its next attempt is not to run now.
  await session.run(`UPDATE subtasks SET not_before = clock_timestamp() + interval '1 hour' WHERE state = 'pending'`);
  expect(await readStrandedControls(store.db)).toEqual([]);
});
