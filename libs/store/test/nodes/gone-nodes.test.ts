import { nodeId, taskId as idOf } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import {
  fenceExpiredNodes,
  markCrashed,
  moveSubtasks,
  readImbalances,
  readNodes,
  readPresentNodes,
  removeGoneNodes,
  renewNode,
  saveProgress,
  setNodeState,
  sweepOrphans,
  type Db,
  type LeaderLease,
} from '../../src/index.ts';
import { useStoreServer, type TestStore } from '../fixtures/store-server.ts';
import {
  addNode,
  claim,
  FAILURE,
  lead,
  leadingOwner,
  LONG_MS,
  runningTask,
  settle,
  submit,
  SUCCEEDED,
} from '../fixtures/tasks.ts';

const server = useStoreServer();

/** Long enough for no node of a test to be this old by itself. */
const RETENTION_MS = 60_000;

/** Makes what has ended look as if it had ended before the retention. */
async function age(store: TestStore, ...ids: string[]): Promise<void> {
  const session = await store.session();
  await session.run(`UPDATE nodes SET lease_expires_at = clock_timestamp() - interval '2 minutes' WHERE id = ANY($1)`, [
    ids,
  ]);
}

async function addStopped(store: TestStore, id: string): Promise<void> {
  await setNodeState(store.db, await addNode(store.db, id), 'stopped');
  await age(store, id);
}

async function namesOf(db: Db): Promise<readonly string[]> {
  return (await readNodes(db)).map((node) => node.id);
}

async function removeAll(db: Db, lease: LeaderLease): Promise<number> {
  let [removed, after]: [number, string | null] = [0, null];
  do {
    const page = await removeGoneNodes(db, lease, RETENTION_MS, after);
    [removed, after] = [removed + page.removed, page.next];
  } while (after !== null);
  return removed;
}

describe('nodes that are gone', () => {
  test('are removed after the retention: those that stopped and those that were declared dead, and no others', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    await addStopped(store, 'stopped');
    await addNode(store.db, 'dead', 0);
    await fenceExpiredNodes(store.db, manager, 0);
    await setNodeState(store.db, await addNode(store.db, 'draining'), 'draining');
    await setNodeState(store.db, await addNode(store.db, 'just-stopped'), 'stopped');
    await addNode(store.db, 'live');
    // A lease that ran out long ago says nothing before the node is declared dead.
    await age(store, 'dead', 'draining', 'live');
    expect(await removeAll(store.db, manager)).toBe(2);
    expect(await namesOf(store.db)).toEqual(['draining', 'just-stopped', 'live']);
    expect(await removeAll(store.db, manager)).toBe(0);
  });

  test('are removed page by page, past those that have to stay', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    const owner = await leadingOwner(store.db);
    const session = await store.session();
    await session.run(
      `INSERT INTO nodes (id, state, scope, slots, types, host, pid, lease_expires_at)
       SELECT 'gone-' || lpad(n::text, 4, '0'), 'stopped', '', 8, '[]', 'here', 1, '-infinity' FROM generate_series(1, 1200) n`,
    );
    for (const taskId of [await submit(store.db), await submit(store.db)]) {
      await owner.insertControl(taskId, 'pending', 'plan', 'gone-0001');
    }
    const first = await removeGoneNodes(store.db, manager, RETENTION_MS);
    expect(first).toEqual({ removed: 499, next: 'gone-0500' });
    expect(await removeAll(store.db, manager)).toBe(700);
    expect(await namesOf(store.db)).toEqual(['gone-0001']);
  });

  const naming: readonly [string, (store: TestStore) => Promise<unknown>][] = [
    [
      'a pending subtask',
      async (store) => {
        const n1 = await addNode(store.db, 'n1');
        await runningTask(store.db, await leadingOwner(store.db), n1, { rows: 1, nodes: ['gone'] });
      },
    ],
    ...(['paused', 'failed', 'running', 'of-a-newer-build'] as const).map(
      (state): [string, (store: TestStore) => Promise<unknown>] => [
        `a subtask that is ${state}`,
        async (store) => {
          const n1 = await addNode(store.db, 'n1');
          await runningTask(store.db, await leadingOwner(store.db), n1, { rows: 1, nodes: ['gone'] });
          await (await store.session()).run('UPDATE subtasks SET state = $1', [state]);
        },
      ],
    ),
    [
      'a hook that waits',
      async (store) => {
        const owner = await leadingOwner(store.db);
        await owner.insertControl(await submit(store.db), 'pending', 'plan', 'gone');
      },
    ],
    [
      'a task that has slots there',
      async (store) => {
        const owner = await leadingOwner(store.db);
        await owner.saveAdmissions([{ taskId: await submit(store.db), reservedNodes: ['gone'], waiting: null }]);
      },
    ],
    [
      'a budget that it leased from',
      async (store) =>
        (await store.session()).run(
          `INSERT INTO task_budgets VALUES (1, '{"rows":{"available":1,"atMs":1,"demands":{"gone":{"wanted":1,"atMs":1}}}}')`,
        ),
    ],
  ];

  test.each(naming)('stay as long as they are named by %s', async (_, name) => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    await addStopped(store, 'gone');
    await addStopped(store, 'other');
    await name(store);
    expect(await removeAll(store.db, manager)).toBe(1);
    expect(await namesOf(store.db)).toContain('gone');
    const session = await store.session();
    await session.run('DELETE FROM subtasks');
    await session.run('DELETE FROM task_budgets');
    await session.run(`UPDATE tasks SET reserved_nodes = '{}'`);
    expect(await removeAll(store.db, manager)).toBe(1);
    expect(await namesOf(store.db)).not.toContain('gone');
  });

  test('whose row somebody has locked delay no other', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    for (const id of ['n1', 'n2', 'n3']) await addStopped(store, id);
    const session = await store.session();
    await session.run('BEGIN');
    await session.run(`SELECT 1 FROM nodes WHERE id = 'n2' FOR UPDATE`);
    expect(await removeAll(store.process('removing', { lock_timeout: '100ms' }).db, manager)).toBe(2);
    await session.run('COMMIT');
    expect(await removeAll(store.db, manager)).toBe(1);
  });

  test('are removed by the leading node-manager alone', async () => {
    const store = await server.store();
    const manager = await lead(store.db, 'node-manager');
    await addStopped(store, 'n1');
    await (await store.session()).run('UPDATE leases SET epoch = epoch + 1');
    await expect(removeGoneNodes(store.db, manager, RETENTION_MS)).rejects.toMatchObject({ code: 'LEADER_LOST' });
    expect(await namesOf(store.db)).toEqual(['n1']);
  });

  test('are left out where only those that are present are asked for, and bounded in a list', async () => {
    const store = await server.store();
    for (const id of ['n1', 'n2', 'n3']) await addStopped(store, id);
    await age(store, 'n3', 'n1');
    await addNode(store.db, 'n4');
    await setNodeState(store.db, await addNode(store.db, 'n5'), 'draining');
    expect((await readPresentNodes(store.db)).map((node) => node.id)).toEqual(['n4', 'n5']);
    expect((await readNodes(store.db, 1)).map((node) => node.id)).toHaveLength(3);
    expect((await readNodes(store.db, 0)).map((node) => node.id)).toEqual(['n4', 'n5']);
    expect(await namesOf(store.db)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
  });
});

describe('an epoch never comes again for a name', () => {
  // ✗ tried: 1 for each name that has no row. A process that was stopped since before the removal was the same registration again.
  test('so that a holder that was stopped meanwhile writes nothing', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const manager = await lead(store.db, 'node-manager');
    const balancer = await lead(store.db, 'balancer');
    const stopped = await addNode(store.db, 'n1', 0);
    const taskId = await runningTask(store.db, owner, stopped, { rows: 2 });
    const [held] = await claim(store.db, stopped, taskId, 1);
    // All that follows happens while its process does nothing.
    expect(await fenceExpiredNodes(store.db, manager, 0)).toEqual(['n1']);
    expect(await sweepOrphans(store.db, manager)).toHaveLength(1);
    const n2 = await addNode(store.db, 'n2');
    await owner.saveAdmissions([{ taskId, reservedNodes: ['n1', 'n2'], waiting: null }]);
    const move = (from: string, to: string, count: number): Promise<number> =>
      moveSubtasks(store.db, balancer, [
        { taskId: idOf(taskId), from: nodeId(from), to: nodeId(to), count, reason: 'node gone' },
      ]);
    expect(await move('n1', 'n2', 2)).toBe(2);
    await owner.saveAdmissions([{ taskId, reservedNodes: ['n2'], waiting: null }]);
    await age(store, 'n1');
    expect(await removeAll(store.db, manager)).toBe(1);
    const again = await addNode(store.db, 'n1');
    expect(BigInt(again.epoch)).toBeGreaterThan(BigInt(stopped.epoch));
    await owner.saveAdmissions([{ taskId, reservedNodes: ['n1', 'n2'], waiting: null }]);
    expect(await move('n2', 'n1', 2)).toBe(2);
    const [next] = await claim(store.db, again, taskId, 1);
    // It comes back under a name that is somebody else's now.
    expect(await renewNode(store.db, stopped, LONG_MS)).toBe(false);
    expect(await setNodeState(store.db, stopped, 'stopped')).toBe(false);
    expect(await saveProgress(store.db, stopped, [{ ...held!, rows: 1, bytes: 1 }])).toEqual([held!.id]);
    expect(await settle(store.db, stopped, [held!], SUCCEEDED)).toEqual([held!.id]);
    expect(await settle(store.db, stopped, [held!], { how: 'fail', error: FAILURE })).toEqual([held!.id]);
    await expect(claim(store.db, stopped, taskId, 9)).rejects.toMatchObject({ code: 'NODE_FENCED' });
    await markCrashed(store.db, stopped);
    expect(await sweepOrphans(store.db, manager)).toEqual([]);
    expect(await renewNode(store.db, again, LONG_MS)).toBe(true);
    expect(await settle(store.db, again, [next!], SUCCEEDED)).toEqual([]);
    expect(await claim(store.db, n2, taskId, 9)).toEqual([]);
  });

  test('however often it goes and comes, whoever removes it, and whoever else has been removed', async () => {
    const store = await server.store();
    const session = await store.session();
    const seen: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 2; count++) seen.push(Number((await addNode(store.db, 'n1')).epoch));
      await addNode(store.db, `other-${round}`);
      await session.run('DELETE FROM nodes WHERE id <> $1', [round === 1 ? 'n1' : '']);
      await session.run('DELETE FROM nodes');
    }
    expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
  });

  test('when it is registered while it is removed', async () => {
    const store = await server.store();
    const first = await addNode(store.db, 'n1');
    const removing = await store.session();
    await removing.run('BEGIN');
    await removing.run(`DELETE FROM nodes WHERE id = 'n1'`);
    const registering = addNode(store.process('registering').db, 'n1');
    await store.blocked('registering');
    await removing.run('COMMIT');
    expect(BigInt((await registering).epoch)).toBeGreaterThan(BigInt(first.epoch));
  });
});

test('pending work on a node that nobody knows is moved like that of one that is gone', async () => {
  const store = await server.store();
  const n1 = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, await leadingOwner(store.db), n1, { rows: 2, nodes: ['n1', 'unknown'] });
  await (await store.session()).run(`UPDATE tasks SET reserved_nodes = '{n1}'`);
  expect(await readImbalances(store.db, ['n1'])).toMatchObject([
    {
      taskId,
      loads: [
        { nodeId: 'n1', pending: 1, running: 0 },
        { nodeId: 'unknown', pending: 1, running: 0 },
      ],
    },
  ]);
});
