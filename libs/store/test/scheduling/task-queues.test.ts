import { describe, expect, test } from 'vitest';
import {
  ALL_QUEUES,
  claimSubtasks,
  electLeader,
  listTasks,
  ownerWrites,
  readSchedulingSnapshot,
  readTask,
  resignLeadership,
  type Db,
  type NewTask,
  type OwnerWrites,
} from '../../src/index.ts';
import { useStoreServer } from '../fixtures/store-server.ts';
import { addNode, controlsOf, lead, leadingOwner, LONG_MS, settle, submit, SUCCEEDED } from '../fixtures/tasks.ts';

const server = useStoreServer();

async function queueOf(db: Db, id: string): Promise<string> {
  return (await db.selectFrom('tasks').select('queue').where('id', '=', id).executeTakeFirstOrThrow()).queue;
}

describe('tasks stand in one queue', () => {
  test('that want the same slots on the same nodes, whatever else they are', async () => {
    const { db } = await server.store();
    const queue = await queueOf(db, await submit(db));
    expect(queue).not.toBe('');
    const alike: Partial<NewTask>[] = [{ priority: 1 }, { maxNodes: 2 }, { slotsPerSubtask: 2 }, { meta: { a: 1 } }];
    for (const change of alike) expect(await queueOf(db, await submit(db, change))).toBe(queue);
  });

  test.each<Partial<NewTask>>([
    { type: 'other' },
    { typeVersion: '1.0.1' },
    { scope: 'a' },
    { slots: 3 },
    { selectors: [{ op: 'in', key: 'zone', values: ['a'] }] as never },
    // Texts that would be the same one after the other.
    { type: "toy','1.0.0" },
  ])('and in another one with %j', async (change) => {
    const { db } = await server.store();
    expect(await queueOf(db, await submit(db, change))).not.toBe(await queueOf(db, await submit(db)));
  });

  test('until they have slots or a hook', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const n1 = await addNode(db, 'n1');
    const [admitted, prepared] = [await submit(db), await submit(db)];
    const queue = await queueOf(db, admitted);
    await owner.insertControl(admitted, 'pending', 'plan', 'n1', ['n1']);
    expect(await queueOf(db, admitted)).toBe('');
    // A task that loses its slots while it is planned is looked at all the same: its plan may end.
    await owner.saveAdmissions([{ taskId: admitted, reservedNodes: [], waiting: null }]);
    expect(await queueOf(db, admitted)).toBe('');

    await owner.insertControl(prepared, 'pending', 'prepare', 'n1');
    expect(await queueOf(db, prepared)).toBe('');
    const [control] = await controlsOf(db, prepared);
    await settle(db, n1, await claimSubtasks(db, n1, [], [control!]), SUCCEEDED);
    await owner.consumePrepare(prepared, control!);
    const after = await queueOf(db, prepared);
    expect(after).not.toBe('');
    expect(after).not.toBe(queue);
  });
});

/** Four tasks of one queue, in the order of their rank. */
async function fourWaiting(db: Db): Promise<readonly [string, string, string, string]> {
  return [await submit(db), await submit(db), await submit(db), await submit(db)];
}

const NO_SLOTS = { code: 'NO_SLOTS', message: 'there are none' };
const NO_NODE = { code: 'NO_LIVE_NODE', message: 'there is none' };
const LIMIT = { code: 'TASK_LIMIT', message: 'enough' };

describe('a snapshot', () => {
  test('has the heads of each queue, one more than could get slots, and says where more follow', async () => {
    const { db } = await server.store();
    await addNode(db, 'n1');
    const tasks = await fourWaiting(db);
    const large = await submit(db, { slots: 9 });
    const read = async (maxScheduledTasks: number) =>
      (await readSchedulingSnapshot(db, { maxScheduledTasks, leastHeads: 1 })).map((task) => [
        task.id,
        task.queue?.hasMore,
      ]);
    // Two of them fit on the node, and one alone tells that a ninth slot is nowhere.
    expect(await read(1_000)).toEqual([
      [tasks[0], true],
      [tasks[1], true],
      [tasks[2], true],
      [large, true],
    ]);
    await addNode(db, 'n2');
    expect(await read(1_000)).toHaveLength(5);
    expect(await read(2)).toHaveLength(4);
    expect(await readSchedulingSnapshot(db)).toHaveLength(5);
  });

  test('has a task behind the heads when its deadline is over, once', async () => {
    const store = await server.store();
    const tasks = await fourWaiting(store.db);
    const session = await store.session();
    for (const late of [tasks[3], tasks[0]]) {
      await session.run(`UPDATE tasks SET deadline_at = clock_timestamp() - interval '1s' WHERE id = $1`, [late]);
    }
    const read = await readSchedulingSnapshot(store.db, { leastHeads: 1 });
    expect(read.map((task) => [task.id, task.isOverdue])).toEqual([
      [tasks[0], true],
      [tasks[3], true],
    ]);
  });
});

describe('why a task waits behind the heads', () => {
  const codesOf = async (db: Db, ids: readonly string[]): Promise<unknown[]> => {
    const listed = new Map(
      (await listTasks(db, { withHistory: false, limit: 100 })).map((task) => [task.id, task.waiting]),
    );
    const codes = [];
    for (const id of ids) {
      const waiting = (await readTask(db, id))?.waiting ?? null;
      expect(listed.get(id)).toEqual(waiting);
      codes.push(waiting?.code ?? null);
    }
    return codes;
  };
  const save = async (owner: OwnerWrites, queue: string, after: string, beyond?: string): Promise<void> =>
    owner.saveQueueWaits([
      ...(beyond === undefined ? [] : [{ queue: ALL_QUEUES, afterId: beyond, ...LIMIT }]),
      { queue, afterId: after, ...NO_SLOTS },
    ]);

  test('is said by its queue, and behind the limit by that; a head says it itself', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const tasks = await fourWaiting(db);
    const other = await submit(db, { slots: 1 });
    const all = [...tasks, other];
    const queue = await queueOf(db, tasks[0]);
    expect(await codesOf(db, all)).toEqual([null, null, null, null, null]);
    await owner.saveAdmissions([{ taskId: tasks[0], reservedNodes: [], waiting: NO_NODE }]);
    await save(owner, queue, tasks[0]);
    expect(await codesOf(db, all)).toEqual(['NO_LIVE_NODE', 'NO_SLOTS', 'NO_SLOTS', 'NO_SLOTS', null]);
    await save(owner, queue, tasks[0], tasks[1]);
    expect(await codesOf(db, all)).toEqual(['NO_LIVE_NODE', 'NO_SLOTS', 'TASK_LIMIT', 'TASK_LIMIT', null]);
    // Its row says what it waited for as a head. Now it stands behind them, and waits for something else.
    await owner.saveAdmissions([{ taskId: tasks[2], reservedNodes: [], waiting: NO_NODE }]);
    await save(owner, queue, tasks[1]);
    expect(await codesOf(db, all)).toEqual(['NO_LIVE_NODE', null, 'NO_SLOTS', 'NO_SLOTS', null]);
    await owner.saveQueueWaits([]);
    expect(await codesOf(db, all)).toEqual(['NO_LIVE_NODE', null, 'NO_LIVE_NODE', null, null]);
  });

  test('has lasted since its code was first said, or since the task has waited', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const tasks = await fourWaiting(db);
    const queue = await queueOf(db, tasks[0]);
    const since = async (id: string): Promise<string | undefined> => (await readTask(db, id))?.waiting?.since;
    await save(owner, queue, tasks[0]);
    const first = await since(tasks[3]);
    await owner.saveQueueWaits([{ queue, afterId: tasks[1], ...NO_SLOTS, message: 'other words' }]);
    expect(await readTask(db, tasks[3])).toMatchObject({ waiting: { since: first, message: 'other words' } });
    const later = await submit(db);
    const { createdAt } = (await readTask(db, later))!;
    expect(await since(later)).toBe(createdAt.toISOString());
    await owner.saveQueueWaits([{ queue, afterId: tasks[1], ...NO_NODE }]);
    expect(Date.parse((await since(later))!)).toBeGreaterThanOrEqual(createdAt.getTime());
  });

  test('outlasts a leader until the next one says something, be it of the version before, and no late leader writes it', async () => {
    const { db } = await server.store();
    const lease = await lead(db, 'owner');
    const owner = ownerWrites(db, lease, 'o1');
    const tasks = await fourWaiting(db);
    const queue = await queueOf(db, tasks[0]);
    await save(owner, queue, tasks[1]);
    await resignLeadership(db, lease);
    const next = await electLeader(db, 'owner', 'o2', LONG_MS);
    expect(await codesOf(db, tasks)).toEqual([null, null, 'NO_SLOTS', 'NO_SLOTS']);
    await expect(save(owner, queue, tasks[0])).rejects.toMatchObject({ code: 'LEADER_LOST' });
    const nextOwner = ownerWrites(db, next!, 'o2');
    await nextOwner.saveAdmissions([{ taskId: tasks[2], reservedNodes: [], waiting: NO_NODE }]);
    expect(await codesOf(db, tasks)).toEqual([null, null, 'NO_LIVE_NODE', 'NO_SLOTS']);
    await save(nextOwner, queue, tasks[1]);
    expect(await codesOf(db, tasks)).toEqual([null, null, 'NO_SLOTS', 'NO_SLOTS']);
  });
});
