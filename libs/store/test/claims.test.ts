import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  claimSubtasks,
  fenceExpiredNodes,
  readClaimableWork,
  readSubtasks,
  readTask,
  releaseUnknown,
  saveCheckpoint,
  saveProgress,
  setNodeState,
  settleSubtasks,
} from '../src/index.ts';
import { useStoreServer, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  claimPlan,
  controlsOf,
  ended,
  FAILURE,
  lead,
  leadingOwner,
  planStep,
  runningTask,
  settle,
  submit,
  SUCCEEDED,
} from './fixtures/tasks.ts';

const server = useStoreServer();
const ordinals = (claimed: readonly { readonly ordinal: number }[]): number[] => claimed.map((one) => one.ordinal);

describe('what is claimed', () => {
  test('a node gets its own pending rows in their order, as many as it asked for', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const [n1, n2] = [await addNode(db, 'n1'), await addNode(db, 'n2')];
    const taskId = await runningTask(db, owner, n1, { rows: 9, nodes: ['n1', 'n2'] });
    expect(await readClaimableWork(db, 'n1')).toMatchObject({
      tasks: [{ id: taskId, step: 'load', slots: 4 }],
      controls: [],
    });
    const first = await claim(db, n1, taskId, 2);
    expect(first).toMatchObject([
      { ordinal: 1, attempt: 1, kind: 'work', step: 'load', meta: { ordinal: 1 }, checkpoint: null, failures: 0 },
      { ordinal: 3, attempt: 1 },
    ]);
    expect(ordinals(await claim(db, n1, taskId, 9))).toEqual([5, 7, 9]);
    expect(await claim(db, n1, taskId, 9)).toEqual([]);
    expect(ordinals(await claim(db, n2, taskId, 9, 4))).toEqual([6, 8]);
    expect((await readClaimableWork(db, 'n1')).tasks).toEqual([]);
    expect((await readClaimableWork(db, 'n2')).tasks).toHaveLength(1);
  });

  test('several tasks at once, each up to its own limit', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const n1 = await addNode(db, 'n1');
    const one = await runningTask(db, owner, n1, { rows: 5 });
    const two = await runningTask(db, owner, n1, { rows: 5 });
    const requests = [
      { taskId: two, limit: 3, afterOrdinal: 1 },
      { taskId: one, limit: 1, afterOrdinal: 0 },
      { taskId: '4711', limit: 1, afterOrdinal: 0 },
    ];
    const claimed = await claimSubtasks(db, n1, requests, []);
    expect(ordinals(claimed.filter((row) => row.taskId === one))).toEqual([1]);
    expect(ordinals(claimed.filter((row) => row.taskId === two))).toEqual([2, 3, 4]);
  });

  test('a row that waits for its retry is not claimed before its time', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 2 });
    await settle(store.db, n1, await claim(store.db, n1, taskId, 1), {
      how: 'retry',
      error: FAILURE,
      afterMs: 3_600_000,
    });
    expect(ordinals(await claim(store.db, n1, taskId, 9))).toEqual([2]);
    expect(await readClaimableWork(store.db, 'n1')).toEqual({ tasks: [], controls: [] });
    const session = await store.session();
    await session.run(
      `UPDATE subtasks SET not_before = clock_timestamp() - interval '1ms' WHERE not_before IS NOT NULL`,
    );
    const [again] = await claim(store.db, n1, taskId, 9);
    expect(again).toMatchObject({ ordinal: 1, attempt: 2, failures: 1 });
  });

  test('only rows of the current step and plan attempt, and only while the task runs', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 1 });
    const session = await store.session();
    await session.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       SELECT $1, 'work', step, attempt, 0, 'pending', 'n1', true, '{}'
       FROM (VALUES ('load', 2), ('load', 0), ('verify', 1)) AS v(step, attempt)`,
      [taskId],
    );
    for (const state of ['pending', 'pausing', 'paused', 'cancelling', 'reverting', 'succeed', 'from-the-future']) {
      await session.run('UPDATE tasks SET state = $2 WHERE id = $1', [taskId, state]);
      expect(await claim(store.db, n1, taskId, 9), state).toEqual([]);
    }
    await session.run(`UPDATE tasks SET state = 'running' WHERE id = $1`, [taskId]);
    expect(await claim(store.db, n1, taskId, 9)).toMatchObject([{ step: 'load', planAttempt: 1, ordinal: 1 }]);
  });

  test('a control subtask is claimed while its task wants it; one that is not wanted is not offered', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const n1 = await addNode(db, 'n1');
    const taskId = await submit(db);
    await owner.insertControl(taskId, 'pending', 'plan', 'n1');
    await owner.insertControl(taskId, 'pending', 'revert', 'n1');
    const [plan, revert] = await controlsOf(db, taskId);
    expect((await readClaimableWork(db, 'n1')).controls).toEqual([{ id: plan, kind: 'plan' }]);
    const claimed = await claimSubtasks(db, n1, [], [plan!, revert!]);
    expect(claimed).toMatchObject([{ id: plan, kind: 'plan', attempt: 1 }]);
  });

  test('nothing asked for is nothing done', async () => {
    const { db } = await server.store();
    expect(await claimSubtasks(db, { id: 'unknown', epoch: '1' }, [], [])).toEqual([]);
  });
});

describe('what is offered is in rank order', () => {
  /** Ids of four tasks by their rank: the urgent one, one that was submitted before the rest, and two of the same time. */
  async function ranked(store: TestStore): Promise<readonly string[]> {
    const first = await submit(store.db, { priority: 512 });
    const urgent = await submit(store.db, { priority: 1 });
    const second = await submit(store.db, { priority: 512 });
    const early = await submit(store.db, { priority: 512 });
    const session = await store.session();
    const submittedAt = `UPDATE tasks SET created_at = timestamptz '2026-01-01' + $2 * interval '1 hour' WHERE id = $1`;
    for (const id of [second, first, urgent]) await session.run(submittedAt, [id, 1]);
    await session.run(submittedAt, [early, 0]);
    return [urgent, early, first, second];
  }

  /** Read without the indexes, which have the tasks by their ids; the tests write their rows the other way round. */
  function readOffered(store: TestStore) {
    return readClaimableWork(store.process('scanning', { enable_seqscan: 'on' }).db, 'n1');
  }

  test('for work', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const ids = await ranked(store);
    for (const id of ids.toReversed()) await planStep(store.db, owner, n1, id, { rows: 1 });
    expect((await readOffered(store)).tasks.map((task) => task.id)).toEqual(ids);
  });

  test('for hooks', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    await addNode(store.db, 'n1');
    const ids = await ranked(store);
    for (const id of ids.toReversed()) await owner.insertControl(id, 'pending', 'plan', 'n1');
    const plans = (await Promise.all(ids.map((id) => controlsOf(store.db, id)))).flat();
    expect(plans).toHaveLength(4);
    expect((await readOffered(store)).controls).toEqual(plans.map((id) => ({ id, kind: 'plan' })));
  });
});

describe('claims beside each other', () => {
  test('executors that claim one task at once never get the same row, and get all of them', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 400 });
    const processes = Array.from({ length: 4 }, (_, index) => store.process(`e${index}`).db);
    const claimed = (
      await Promise.all(
        processes.map(async (db) => {
          const mine = [];
          for (let got = await claim(db, n1, taskId, 7); got.length > 0; got = await claim(db, n1, taskId, 7))
            mine.push(...got);
          return mine;
        }),
      )
    ).flat();
    expect(new Set(claimed.map((one) => one.id)).size).toBe(400);
    expect(claimed).toHaveLength(400);
    expect(claimed.every((one) => one.attempt === 1)).toBe(true);
  });

  test('claims of two nodes do not wait for each other, even with one of them open', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const [n1, n2] = [await addNode(store.db, 'n1'), await addNode(store.db, 'n2')];
    const taskId = await runningTask(store.db, owner, n1, { rows: 4, nodes: ['n1', 'n2'] });
    const open = await store.session();
    await open.run('BEGIN');
    await open.run(`SELECT 1 FROM nodes WHERE id = 'n1' FOR KEY SHARE`);
    await open.run('SELECT 1 FROM tasks WHERE id = $1 FOR KEY SHARE', [taskId]);
    await open.run(`SELECT 1 FROM subtasks WHERE exec_id = 'n1' AND state = 'pending' FOR UPDATE`);
    expect(ordinals(await claim(store.db, n2, taskId, 9))).toEqual([2, 4]);
    // Rows that somebody else is taking are skipped, not waited for.
    expect(await claim(store.db, n1, taskId, 9)).toEqual([]);
    await open.run('ROLLBACK');
    expect(ordinals(await claim(store.db, n1, taskId, 9))).toEqual([1, 3]);
  });

  // Tried: the tasks of work first, its rows, and then the tasks of the control subtasks. A claim of both deadlocked with
  // whoever takes the tasks by their ids (the owner's admissions, the settling of exceptions), and gave way after a second.
  test('a claim of work and of a control takes all tasks by their ids before any row', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const planning = await submit(store.db);
    const working = await runningTask(store.db, owner, n1, { rows: 1 });
    await owner.insertControl(planning, 'pending', 'plan', 'n1');
    const admitting = await store.session();
    await admitting.run('BEGIN');
    await admitting.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [planning]);
    const claiming = claimSubtasks(
      store.process('claiming').db,
      n1,
      [{ taskId: working, limit: 1, afterOrdinal: 0 }],
      await controlsOf(store.db, planning),
    );
    await store.blocked('claiming');
    // Less than what Postgres takes to find a deadlock, and to let the claim give way.
    await admitting.run(`SET LOCAL lock_timeout = '500ms'`);
    await admitting.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [working]);
    await admitting.run('COMMIT');
    expect((await claiming).map((one) => one.kind)).toEqual(['work', 'plan']);
  });
});

// Transitions take the task's row FOR UPDATE, claims FOR KEY SHARE. ✗ tried: a claim that doesn't take it, and `lockTask` FOR NO KEY UPDATE.
// Neither waited for the other: the task was paused, and its rows ran.
describe('a claim in flight while its task changes', () => {
  const changes = [
    ['cancelled', `UPDATE tasks SET state = 'cancelling', version = version + 1 WHERE id = $1`],
    ['paused by hand', `UPDATE tasks SET state = 'paused', version = version + 1 WHERE id = $1`],
    ['moved to the next step', `UPDATE tasks SET step = 'verify', version = version + 1 WHERE id = $1`],
    ['planned anew', `UPDATE tasks SET plan_attempt = plan_attempt + 1 WHERE id = $1`],
  ] as const;

  test.each(changes)('one that waits for a transition finds the task %s', async (_, change) => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 3 });
    const transition = await store.session();
    await transition.run('BEGIN');
    await transition.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [taskId]);
    await transition.run(change, [taskId]);
    const claiming = claim(store.process('claiming').db, n1, taskId, 3);
    await store.blocked('claiming');
    await transition.run('COMMIT');
    expect(await claiming).toEqual([]);
    expect((await readSubtasks(store.db, taskId, '0', 9)).filter((row) => row.state === 'running')).toEqual([]);
  });

  test('one that was first keeps its rows, and the cancel waits for it', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 3 });
    const claiming = await store.session();
    await claiming.run('BEGIN');
    await claiming.run('SELECT state, step FROM tasks WHERE id = $1 FOR KEY SHARE', [taskId]);
    const cancelling = cancelTask(store.process('cancelling').db, taskId, 'client', null);
    await store.blocked('cancelling');
    await claiming.run(
      `UPDATE subtasks SET state = 'running', attempt = 1 WHERE task_id = $1 AND kind = 'work' AND ordinal = 1`,
      [taskId],
    );
    await claiming.run('COMMIT');
    expect(await cancelling).toMatchObject({ changed: true, state: 'cancelling' });
    expect(await claim(store.db, n1, taskId, 3)).toEqual([]);
  });

  // ✗ tried here: the transition as a plain UPDATE. It takes FOR NO KEY UPDATE, which doesn't conflict with FOR KEY SHARE.
  test('a transition without FOR UPDATE would not wait for the claim: the task is paused with a running row', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 1 });
    const [claiming, mutated] = [await store.session(), await store.session()];
    await claiming.run('BEGIN');
    await claiming.run('SELECT state FROM tasks WHERE id = $1 FOR KEY SHARE', [taskId]);
    await mutated.run(`SET lock_timeout = '5s'`);
    await mutated.run(`UPDATE tasks SET state = 'paused' WHERE id = $1`, [taskId]);
    await claiming.run(`UPDATE subtasks SET state = 'running' WHERE task_id = $1 AND kind = 'work'`, [taskId]);
    await claiming.run('COMMIT');
    const leaked = await mutated.run(
      `SELECT 1 FROM tasks t JOIN subtasks s ON s.task_id = t.id WHERE t.state = 'paused' AND s.state = 'running'`,
    );
    expect(leaked).toHaveLength(1);
  });
});

describe('a claim and its node', () => {
  test.each(['draining', 'stopped'] as const)('a node that is %s claims nothing', async (state) => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const n1 = await addNode(db, 'n1');
    const taskId = await runningTask(db, owner, n1, { rows: 1 });
    expect(await setNodeState(db, n1, state)).toBe(true);
    await expect(claim(db, n1, taskId, 1)).rejects.toMatchObject({ code: 'NODE_FENCED' });
  });

  test('a registration that was replaced claims nothing; the new one does', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const before = await addNode(db, 'n1');
    const taskId = await runningTask(db, owner, before, { rows: 1 });
    const after = await addNode(db, 'n1');
    await expect(claim(db, before, taskId, 1)).rejects.toMatchObject({ code: 'NODE_FENCED', permanent: false });
    await expect(claim(db, { id: 'nobody', epoch: '1' }, taskId, 1)).rejects.toMatchObject({ code: 'NODE_FENCED' });
    expect(await claim(db, after, taskId, 1)).toHaveLength(1);
  });

  test('a claim that waits for its node being fenced gets nothing', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const n1 = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, n1, { rows: 1 });
    const fencing = await store.session();
    await fencing.run('BEGIN');
    await fencing.run(`SELECT 1 FROM nodes WHERE id = 'n1' FOR UPDATE`);
    await fencing.run(`UPDATE nodes SET state = 'dead' WHERE id = 'n1'`);
    const refused = expect(claim(store.process('claiming').db, n1, taskId, 1)).rejects.toMatchObject({
      code: 'NODE_FENCED',
    });
    await store.blocked('claiming');
    await fencing.run('COMMIT');
    await refused;
  });

  test('fencing and registering anew wait for an open claim of the node', async () => {
    const store = await server.store();
    await lead(store.db, 'owner');
    const n1 = await addNode(store.db, 'n1', 0);
    const lease = await lead(store.db, 'node-manager');
    const claiming = await store.session();
    await claiming.run('BEGIN');
    await claiming.run(`SELECT 1 FROM nodes WHERE id = 'n1' AND epoch = 1 AND state = 'live' FOR KEY SHARE`);
    const fencing = fenceExpiredNodes(store.process('fencing').db, lease, 0);
    await store.blocked('fencing');
    const registering = addNode(store.process('registering').db, 'n1');
    await store.blocked('registering');
    await claiming.run('COMMIT');
    const [fenced, again] = await Promise.all([fencing, registering]);
    expect(fenced.length === 1 ? 'fenced first' : 'registered first').toMatch(/first/);
    expect(again).toEqual({ id: 'n1', epoch: '2' });
    await expect(claim(store.db, n1, '1', 1)).rejects.toMatchObject({ code: 'NODE_FENCED' });
  });
});

test("a claim whose answer got lost is given back by its own node, and nobody else's rows are", async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const [n1, n2] = [await addNode(db, 'n1'), await addNode(db, 'n2')];
  const taskId = await runningTask(db, owner, n1, { rows: 6, nodes: ['n1', 'n2'] });
  const [known] = await claim(db, n1, taskId, 1);
  await claim(db, n1, taskId, 2);
  await claim(db, n2, taskId, 3);
  expect(await releaseUnknown(db, { id: 'n1', epoch: '9' }, [])).toBe(0);
  expect(await releaseUnknown(db, n1, [known!.id])).toBe(2);
  expect(await releaseUnknown(db, n1, [known!.id])).toBe(0);
  expect(await claim(db, n1, taskId, 9)).toMatchObject([
    { ordinal: 3, attempt: 2 },
    { ordinal: 5, attempt: 2 },
  ]);
});

describe('ids above 2^53', () => {
  test('no id loses a digit on the way of a task', async () => {
    const store = await server.store();
    const { db } = store;
    const session = await store.session();
    const base = '9007199254740993';
    for (const table of ['tasks', 'subtasks'])
      await session.run(`ALTER TABLE ${table} ALTER COLUMN id RESTART WITH ${base}`);
    const owner = await leadingOwner(db);
    await session.run('UPDATE leases SET epoch = $1', [base]);
    await session.run(`UPDATE leases SET expires_at = '-infinity'`);
    const big = await leadingOwner(db);
    await session.run(
      `INSERT INTO nodes (id, epoch, state, scope, slots, types, host, pid, lease_expires_at)
       VALUES ('n1', $1, 'dead', '', 8, '[]', 'here', 1, 'infinity')`,
      [base],
    );
    const n1 = await addNode(db, 'n1');
    expect(n1.epoch).toBe('9007199254740994');
    await expect(owner.archive('1')).rejects.toMatchObject({ code: 'LEADER_LOST' });
    const taskId = await submit(db);
    expect(taskId).toBe(base);
    await planStep(db, big, n1, taskId, { rows: 3 });
    const claimed = await claim(db, n1, taskId, 3);
    expect(claimed.map((one) => one.id)).toEqual(['9007199254740994', '9007199254740995', '9007199254740996']);
    expect(claimed.every((one) => one.taskId === base)).toBe(true);
    const [first, second, third] = claimed;
    expect(await saveCheckpoint(db, n1, first!, { at: 1 })).toBe(true);
    expect(await saveProgress(db, n1, [{ ...first!, rows: 9007199254740991, bytes: 1 }])).toEqual([]);
    expect(await releaseUnknown(db, n1, [first!.id, second!.id])).toBe(1);
    const result = await settleSubtasks(db, n1, [
      ended(first!, SUCCEEDED),
      ended(second!, { how: 'retry', error: FAILURE, afterMs: 0 }),
      ended(third!, SUCCEEDED),
    ]);
    expect(result).toMatchObject({ written: [first!.id, second!.id], lost: [third!.id] });
    expect((await readSubtasks(db, taskId, '9007199254740993', 2)).map((row) => row.id)).toEqual([
      first!.id,
      second!.id,
    ]);
    expect(await readTask(db, taskId)).toMatchObject({ id: base });
    expect((await readClaimableWork(db, 'n1')).tasks[0]!.id).toBe(base);
  });
});

test('a plan is claimed again under a higher attempt after its holder gave it back', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const n1 = await addNode(db, 'n1');
  const taskId = await submit(db);
  const plan = await claimPlan(db, owner, n1, taskId);
  await settle(db, n1, [plan], { how: 'release', reason: 'drain' });
  const [again] = await claimSubtasks(db, n1, [], [plan.id]);
  expect(again).toMatchObject({ id: plan.id, attempt: 2 });
});
