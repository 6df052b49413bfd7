import { describe, expect, test } from 'vitest';
import {
  leaseThrottle,
  readGates,
  readSubtasks,
  readTask,
  readWaiting,
  saveGates,
  saveProgress,
  settleSubtasks,
} from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { addNode, claim, ended, FAILURE, leadingOwner, runningTask } from './fixtures/tasks.ts';

const server = useStoreServer();

async function running(rows = 2) {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, owner, node, { rows });
  const session = await store.session();
  return { store, owner, node, taskId, session, claimed: await claim(store.db, node, taskId, rows) };
}

describe('a budget', () => {
  test('is leased by all nodes from one row, and never twice', async () => {
    const { store, taskId, session } = await running();
    await session.run(`UPDATE tasks SET throttle = '{"rows": 1000}' WHERE id = $1`, [taskId]);
    const processes = Array.from({ length: 8 }, (_, index) => store.process(`p${index}`).db);
    // Each has its session, so that what comes next takes no time.
    await Promise.all(processes.map((db) => readTask(db, taskId)));
    const before = performance.now();
    const leases = await Promise.all(
      processes.map((db, index) => leaseThrottle(db, `n${index}`, taskId, { rows: 400, bytes: 5 })),
    );
    const granted = leases.reduce((sum, lease) => sum + (lease?.granted.rows ?? 0), 0);
    // A burst of one second, and what came in while they asked.
    const [budget] = await session.run(
      `SELECT (budgets->'rows'->>'available')::float8 AS available FROM task_budgets WHERE task_id = $1`,
      [taskId],
    );
    expect(granted).toBeGreaterThan(400);
    const seconds = (performance.now() - before) / 1_000;
    expect(granted + Number(budget?.['available'])).toBeLessThan(1_001 + 1_000 * seconds);
    // Bytes have no limit, so nothing of them is leased.
    for (const lease of leases) expect(lease).toMatchObject({ limits: { rows: 1_000 }, granted: {} });
    for (const lease of leases) expect(lease?.granted).not.toHaveProperty('bytes');
  });

  test('takes a changed limit with the next lease', async () => {
    const { store, taskId, session } = await running();
    await session.run(`UPDATE tasks SET throttle = '{"rows": 10}' WHERE id = $1`, [taskId]);
    expect(await leaseThrottle(store.db, 'n1', taskId, { rows: 1_000 })).toMatchObject({ granted: { rows: 10 } });
    await session.run(`UPDATE tasks SET throttle = NULL WHERE id = $1`, [taskId]);
    expect(await leaseThrottle(store.db, 'n1', taskId, { rows: 1_000 })).toEqual({ limits: {}, granted: {} });
  });

  test('of a task that is not active is none', async () => {
    const { store } = await running();
    expect(await leaseThrottle(store.db, 'n1', '4711', { rows: 1 })).toBeNull();
  });
});

describe('readings of gates', () => {
  const open = [{ isOpen: true, code: 'REPLICA_LAG', message: '0 ms behind' }];
  const closed = [{ isOpen: false, code: 'REPLICA_LAG', message: '9 s behind' }];

  test('are kept by who holds the subtask, and by no late reader', async () => {
    const { store, owner, node, taskId } = await running();
    await owner.insertControl(taskId, 'running', 'gates', node.id);
    const session = await store.session();
    const [row] = await session.run(
      `UPDATE subtasks SET state = 'running', attempt = 2, node_epoch = 1 WHERE kind = 'gates' RETURNING id::text, step`,
    );
    // One for all steps.
    expect(row).toMatchObject({ step: '' });
    const id = String(row?.['id']);
    expect(await readGates(store.db, taskId)).toBeNull();
    expect(await saveGates(store.db, node, { id, attempt: 2 }, closed)).toBe(true);
    expect(await saveGates(store.db, node, { id, attempt: 1 }, open)).toBe(false);
    expect(await saveGates(store.db, { id: 'n2', epoch: '1' }, { id, attempt: 2 }, open)).toBe(false);
    const gates = await readGates(store.db, taskId);
    expect(gates?.readings).toEqual(closed);
    expect(gates?.ageMs).toBeGreaterThanOrEqual(0);
  });
});

describe('what subtasks wait for', () => {
  test('is stored with their progress, since when it began, and taken away when they go on', async () => {
    const { store, node, taskId, claimed } = await running(3);
    const wait = (forMs: number, message: string) => ({ code: 'THROTTLED', message, forMs });
    const save = (waiting: (ReturnType<typeof wait> | null)[]) =>
      saveProgress(
        store.db,
        node,
        claimed.map((one, index) => ({ ...one, rows: 0, bytes: 0, waiting: waiting[index] ?? null })),
      );
    await save([wait(60_000, 'a'), wait(1_000, 'b'), null]);
    const [first] = await readWaiting(store.db, taskId);
    expect(first).toMatchObject({ code: 'THROTTLED', message: 'a', subtasks: 2 });
    // The same reason again is the same wait.
    await save([wait(1, 'c'), null, null]);
    expect(await readWaiting(store.db, taskId)).toEqual([{ ...first, message: 'c', subtasks: 1 }]);
    await save([null, null, null]);
    expect(await readWaiting(store.db, taskId)).toEqual([]);
  });

  test('is the time of the next try after a failure, then a node, until it is claimed', async () => {
    const { store, node, taskId, claimed, session } = await running(1);
    await settleSubtasks(store.db, node, [ended(claimed[0]!, { how: 'retry', error: FAILURE, afterMs: 60_000 })]);
    const [waiting] = await readWaiting(store.db, taskId);
    expect(waiting).toMatchObject({
      code: 'RETRY',
      message: expect.stringMatching(/tried again at \d{4}-.*Z$/) as string,
      subtasks: 1,
    });
    await session.run('UPDATE subtasks SET not_before = now()');
    const due = { ...waiting, message: `${FAILURE.code}: ${FAILURE.message}; tried again as soon as a node takes it` };
    expect(await readWaiting(store.db, taskId)).toEqual([due]);
    const [subtask] = await readSubtasks(store.db, taskId, '0', 10, { states: ['pending'] });
    expect(subtask?.waiting).toEqual({ code: due.code, message: due.message, since: due.since });
    await claim(store.db, node, taskId, 1);
    expect(await readWaiting(store.db, taskId)).toEqual([]);
  });
});

test('budget and readings leave with their task', async () => {
  const { store, owner, node, taskId, claimed, session } = await running(1);
  await session.run(`INSERT INTO task_budgets VALUES ($1, '{}')`, [taskId]);
  await session.run(`INSERT INTO task_gates VALUES ($1, '[]', now())`, [taskId]);
  await settleSubtasks(store.db, node, [ended(claimed[0]!, { how: 'succeed' })]);
  await owner.finish(taskId, null);
  await owner.archive(taskId);
  expect(await session.run('SELECT 1 FROM task_budgets UNION ALL SELECT 1 FROM task_gates')).toEqual([]);
});
