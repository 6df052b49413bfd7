import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeId, taskId as idOf } from '@longshore/core';
import { waitUntil } from '@longshore/test-kit';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { poolOf } from '../src/session/pools.ts';
import {
  cancelTask,
  extendAllLeases,
  fenceExpiredNodes,
  forgetOldTasks,
  moveSubtasks,
  readClaimableWork,
  readImbalances,
  readPinnedSlots,
  readPresentNodes,
  readSchedulingSnapshot,
  readStrandedControls,
  readSubtasks,
  readTaskStates,
  releaseUnknown,
  retryTask,
  revertTask,
  saveProgress,
  settleSubtasks,
  skipFailed,
  sweepOrphans,
  type ClaimedSubtask,
  type Db,
  type LeaderLease,
  type NodeIdentity,
  type OwnerWrites,
} from '../src/index.ts';
import { testStore, useStoreServer, type Session, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  ended,
  FAILURE,
  lead,
  leadingOwner,
  runningTask,
  submit,
  SUCCEEDED,
} from './fixtures/tasks.ts';

/** Every plan that is carried out goes into the server's log, with the rows that it touched. */
const server = useStoreServer({
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': 0,
  'auto_explain.log_analyze': true,
  'auto_explain.log_timing': false,
  'auto_explain.log_format': 'json',
  // The statistics are the test's own: right after the rows came, and long before.
  autovacuum: false,
});

const TASK_ROWS = 60_000;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Leases {
  readonly db: Db;
  readonly node: NodeIdentity;
  readonly owner: OwnerWrites;
  readonly balancer: LeaderLease;
  readonly manager: LeaderLease;
}

interface World extends Leases {
  readonly task: string;
  /** The scans of a call's statements, flat. */
  scans(call: () => Promise<unknown>): Promise<PlanNode[]>;
}

/** What the planner knows of the rows. */
type Knowledge = 'analyzed' | 'empty' | 'planned-before';

/** 120,000 planned rows of two tasks on four nodes beside 1,000 tasks that wait: one of the two runs. */
async function bigStore(knowledge: Knowledge): Promise<World> {
  const { url } = await server.ownStore();
  const store = testStore(url);
  const isPlannedBefore = knowledge === 'planned-before';
  const { db } = isPlannedBefore ? store.process('prepared', { plan_cache_mode: 'force_generic_plan' }) : store;
  const owner = await leadingOwner(db);
  const [balancer, manager] = [await lead(db, 'balancer'), await lead(db, 'node-manager')];
  const node = await addNode(db, 'n1');
  for (const id of ['n2', 'n3', 'n4']) await addNode(db, id);
  const leases = { db, node, owner, balancer, manager };
  const small = isPlannedBefore ? await planOnEmptyTables(leases) : [];
  const [task, other] = [await submit(db), await submit(db)];
  const session = await store.session();
  await session.run(
    `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
     SELECT task, 'work', 'load', 1, n, 'pending', 'n' || (n % 4 + 1), true, '{}'
     FROM unnest($1::bigint[]) AS task, generate_series(1, $2::int) AS n`,
    [[task, other], TASK_ROWS],
  );
  await session.run(
    `UPDATE tasks SET state = 'running', step = 'load', plan_attempt = 1, reserved_nodes = '{n1,n2,n3,n4}' WHERE id = $1`,
    [task],
  );
  await session.run(
    `INSERT INTO tasks (key, type, type_version, state, priority, scope, slots, slots_per_subtask, on_failure, meta, retry)
     SELECT 'waiting ' || n, 'toy', '1.0.0', 'pending', 512, '', 1, 1, 'revert', '{}', '{}' FROM generate_series(1, 1000) n`,
  );
  await session.run(
    `INSERT INTO subtask_history (id, task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
     SELECT 1000000 + n, 1000000 + n % 3, 'work', 'load', 1, n, 'succeed', 'n1', true, '{}' FROM generate_series(1, $1::int) n`,
    [TASK_ROWS],
  );
  if (knowledge === 'analyzed') await session.run('ANALYZE');
  const plans = planLog(store, session);
  if (small.length > 0) await session.run('DELETE FROM subtasks WHERE task_id = ANY($1)', [small]);
  return {
    ...leases,
    task,
    scans: async (call) => (await plans(call)).flatMap((plan) => scansOf(plan)),
  };
}

/** What carries out a call and answers the plans of its statements, from the server's log. */
function planLog(store: TestStore, session: Session): (call: () => Promise<unknown>) => Promise<PlanNode[]> {
  const log = join(server.postgres().dataDir, 'postgres.log');
  let marks = 0;
  const mark = async (): Promise<string> => {
    const name = `mark_${store.url.split('/').at(-1)}_${++marks}`;
    await session.run(`SELECT 1 AS ${name}`);
    return name;
  };
  return async (call) => {
    // The log holds the plans of all tests before.
    const { size } = await stat(log);
    const from = await mark();
    await call();
    const to = await mark();
    const text = await waitUntil(
      () => readFrom(log, size),
      (content) => content.includes(to),
      { what: 'the plans are in the log' },
    );
    const between = text.slice(text.lastIndexOf(from), text.lastIndexOf(to));
    // The first and the last are those of the marks.
    const plans = between.split(/LOG: {2}duration: [\d.]+ ms {2}plan:\n/).slice(1, -1);
    return plans.map((plan) => {
      const json = plan.slice(0, plan.lastIndexOf('\n\t}') + 3);
      return (JSON.parse(json) as { Plan: PlanNode }).Plan;
    });
  };
}

async function readFrom(path: string, start: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { start })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Enough for a text to be prepared, and planned once for all parameters. */
const ROUNDS = 12;

/** Has the hot statements planned beside next to nothing, by carrying them out for small tasks. @returns those tasks. */
async function planOnEmptyTables(leases: Leases): Promise<readonly string[]> {
  const tasks: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const task = await runningTask(leases.db, leases.owner, leases.node, {
      rows: 160,
      nodes: ['n1', 'n2', 'n3', 'n4'],
    });
    tasks.push(task);
    const claimed = await claim(leases.db, leases.node, task, 40);
    for (const [, , call] of hotCalls(leases, task, claimed)) await call();
    for (const [, before, call] of await lifecycleCalls(leases, task, claimed.slice(5))) {
      await before();
      await call();
    }
    await leases.owner.endPending(task);
  }
  return tasks;
}

/** What runs all the time, and how many rows it may look at. @param claimed subtasks of the task on n1 that run. */
function hotCalls(
  { db, node, owner, balancer, manager }: Leases,
  task: string,
  claimed: readonly ClaimedSubtask[],
): readonly (readonly [string, number, () => Promise<unknown>])[] {
  const [first, second, ...rest] = claimed;
  return [
    ['a scheduling pass', 100, () => readSchedulingSnapshot(db)],
    ['what a node could claim', 10, () => readClaimableWork(db, 'n1')],
    ['a claim of 4', 20, () => claim(db, node, task, 4)],
    ['a claim of nothing', 10, () => claim(db, { ...node, id: 'n4' }, '4711', 4)],
    ['imbalances', 100, () => readImbalances(db, ['n1', 'n2', 'n3', 'n4'])],
    [
      'a move of 10',
      50,
      () =>
        moveSubtasks(db, balancer, [
          { taskId: idOf(task), from: nodeId('n1'), to: nodeId('n2'), count: 10, reason: 'even spread' },
        ]),
    ],
    ['progress', 200, () => saveProgress(db, node, [{ ...first!, rows: 1, bytes: 1 }])],
    ['a settlement of 2', 200, () => settleSubtasks(db, node, [ended(first!, SUCCEEDED), ended(second!, SUCCEEDED)])],
    [
      'a release of what is not known',
      400,
      () =>
        releaseUnknown(
          db,
          node,
          rest.slice(3).map((one) => one.id),
        ),
    ],
    ['a sweep', 400, () => sweepOrphans(db, manager)],
    ['slots that nobody may take back, by an index of what runs', 60, () => readPinnedSlots(db)],
    ['stranded controls', 10, () => readStrandedControls(db)],
    ['a finish that is refused', 10, () => owner.finish(task, null)],
    ['a page of forgetting', 100, () => forgetOne({ db, owner, balancer })],
  ];
}

/** Forgets one archived task that had three subtasks. */
async function forgetOne({ db, owner, balancer }: Pick<Leases, 'db' | 'owner' | 'balancer'>): Promise<void> {
  const task = await submit(db);
  await cancelTask(db, task, 'client', null);
  await owner.archive(task);
  await sql`
    INSERT INTO subtask_history (id, task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
    SELECT n, ${task}::bigint, 'work', 'load', 1, n, 'succeed', 'n1', true, '{}' FROM generate_series(1, 3) n`.execute(
    db,
  );
  await sql`UPDATE task_history SET archived_at = archived_at - interval '15 days' WHERE id = ${task}`.execute(db);
  expect(await forgetOldTasks(db, balancer, 14)).toMatchObject({ forgotten: 1, failed: [] });
}

/** What a client asks for, with what brings the task to where it may. @param claimed three subtasks that run. */
async function lifecycleCalls(
  { db, node, owner }: Leases,
  task: string,
  claimed: readonly ClaimedSubtask[],
): Promise<readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[]> {
  const [failed, other, paused] = claimed;
  const state = (to: string) => async (): Promise<void> => {
    await db.updateTable('tasks').set({ state: to, prior_state: 'running' }).where('id', '=', task).execute();
  };
  const failAgain = async (): Promise<void> => {
    await db.updateTable('subtasks').set({ state: 'failed' }).where('id', '=', failed!.id).execute();
    await state('awaiting-resolution')();
  };
  await settleSubtasks(
    db,
    node,
    [failed!, other!].map((one) => ended(one, { how: 'fail', error: FAILURE })),
  );
  await db
    .updateTable('tasks')
    .set({ pause_on: [FAILURE.code] })
    .where('id', '=', task)
    .execute();
  return [
    ['whether failures pause', () => Promise.resolve(), () => readSchedulingSnapshot(db)],
    ['a pause for failures', () => Promise.resolve(), () => owner.suspend(task, FAILURE)],
    [
      'a settlement of a pause',
      () => settleSubtasks(db, node, [ended(paused!, { how: 'pause' })]),
      () => owner.settle(task),
    ],
    ['a continue', state('resuming'), () => owner.continue(task)],
    ['a look at a task that is being undone', state('reverting'), () => readTaskStates(db, 'n1', [task])],
    ['a retry', failAgain, () => retryTask(db, task, 'client', null)],
    ['a skip', failAgain, () => skipFailed(db, task, 'client', null)],
    ['a revert', state('awaiting-resolution'), () => revertTask(db, task, 'client', null)],
  ];
}

/** @param table the beginning of a table's name. */
function scansOf(node: PlanNode, table = 'subtask'): PlanNode[] {
  return [
    ...(node['Relation Name']?.startsWith(table) === true && node['Node Type'].includes('Scan') ? [node] : []),
    ...(node.Plans ?? []).flatMap((child) => scansOf(child, table)),
  ];
}

/** Rows that a call's scans looked at, whether it kept them or not. */
function lookedAt(scans: readonly PlanNode[]): number {
  return scans.reduce(
    (sum, scan) => sum + scan['Actual Loops'] * (scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0)),
    0,
  );
}

// ✗ tried: EXISTS for each fact of a scheduling pass, or a count where one row answers; for a claim a flat join with its task, or one walk
// with a limit from a column; pages in order of their ids. With analysed tables a pass scanned the table once for each waiting task (more than 30 s beside 400,000 rows), a claim
// walked the rows of the other nodes, and each page sorted all rows of its task.
describe.each([
  ['right after the tables were analysed', 'analyzed'],
  ['with statistics of empty tables', 'empty'],
  ['by plans for any parameters that were made on empty tables', 'planned-before'],
] as const)('beside 120,000 planned rows, %s', (_, knowledge) => {
  test('every hot statement looks at about as many rows as it uses, by an index', async () => {
    const world = await bigStore(knowledge);
    const { db, task, node } = world;
    const claimed = await claim(db, node, task, 40);
    const calls = hotCalls(world, task, claimed);
    for (const [name, most, call] of calls) {
      const scans = await world.scans(call);
      expect(
        scans.filter((scan) => scan['Node Type'] === 'Seq Scan'),
        name,
      ).toEqual([]);
      expect(lookedAt(scans), `${name}: ${JSON.stringify(scans, null, 1)}`).toBeLessThanOrEqual(most);
      // The key begins with the task: by an id alone the whole index is walked, which the rows it answers with don't tell.
      const inHistory = scans.filter((scan) => scan['Relation Name'] === 'subtask_history');
      for (const scan of inHistory) expect(scan['Index Cond'], name).toContain('task_id = ');
    }
  });

  test('a pause, a resume, a retry and a skip look at the rows that they change, not at those that wait', async () => {
    const world = await bigStore(knowledge);
    const { db, task, node } = world;
    const calls = await lifecycleCalls(world, task, await claim(db, node, task, 3));
    for (const [name, before, call] of calls) {
      await before();
      const scans = await world.scans(call);
      const text = `${name}: ${JSON.stringify(scans, null, 1)}`;
      expect(
        scans.filter((scan) => scan['Node Type'] === 'Seq Scan'),
        text,
      ).toEqual([]);
      expect(lookedAt(scans), text).toBeLessThanOrEqual(100);
    }
  });

  test('a claim walks the index of claimable rows, and a page of ending rows only itself', async () => {
    const world = await bigStore(knowledge);
    const claiming = await world.scans(() => claim(world.db, world.node, world.task, 4));
    expect(claiming.map((scan) => scan['Index Name'])).toContain('subtasks_claimable');
    await world.owner.fail(world.task, { code: 'X', message: 'x', permanent: true });
    for (const page of [1, 2]) {
      const ending = await world.scans(() => world.owner.endPending(world.task));
      // Each of the page's 10,000 rows is looked at to be found, locked and deleted.
      expect(lookedAt(ending), `page ${page}: ${JSON.stringify(ending)}`).toBeLessThanOrEqual(31_000);
    }
    const page = await world.scans(() => readSubtasks(world.db, world.task, '0', 50));
    expect(page.length).toBeGreaterThan(0);
  });
});

/** Rows that the nodes of a plan handed on or threw away: what it cost, whichever way it went. */
function handled(node: PlanNode): number {
  const own = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0);
  return node['Actual Loops'] * own + (node.Plans ?? []).reduce((sum, child) => sum + handled(child), 0);
}

/** What `pg_class` says of the table and its indexes. Null: what ANALYZE finds. */
const STATISTICS = [
  ['that were never taken', -1, 0],
  ['of an empty table', 0, 0],
  ['of a table that was emptied', 0, 1],
  ['of one left-over row', 1, 1],
  ['that are right', null, null],
] as const;

/** How many subtasks are claimed, settled or handed back at once; four times as many run on their node. */
const AT_ONCE = 500;

/** What calls for many rows of a node cost, in rows that their plans handled for each. */
type Costs = readonly (readonly [call: string, rows: number])[];

/**
 * Claims four batches of a new task's subtasks, reports, settles, hands back and loses them, and measures each call.
 *
 * @param others subtasks of the task besides, half of them the node's too.
 * @param beforehand run between the insert of the rows and the first call.
 */
async function costsOf(
  { db, session, manager, plans }: BatchWorld,
  atOnce: number,
  others: number,
  beforehand: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Costs> {
  const node = await addNode(db, 'n1');
  const other = await addNode(db, 'n2');
  const task = await submit(db);
  await session.run(
    `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
     SELECT $1, 'work', 'load', 1, n, 'pending', 'n' || (CASE WHEN n <= 4 * $2::int THEN 1 ELSE n % 2 + 1 END), true, '{}'
     FROM generate_series(1, 4 * $2::int + $3::int) AS n`,
    [task, atOnce, others],
  );
  await session.run(
    `UPDATE tasks SET state = 'running', step = 'load', plan_attempt = 1, reserved_nodes = '{n1,n2}' WHERE id = $1`,
    [task],
  );
  await beforehand();
  const costs: [string, number][] = [];
  const cost = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    let answer: T | undefined;
    const carriedOut = await plans(async () => (answer = await call()));
    costs.push([name, carriedOut.reduce((sum, plan) => sum + handled(plan), 0) / atOnce]);
    return answer!;
  };
  const claimed: ClaimedSubtask[] = [];
  for (let batch = 1; batch <= 4; batch++) {
    claimed.push(...(await cost(`claim ${batch}`, () => claim(db, node, task, atOnce))));
  }
  const batch = (index: number): ClaimedSubtask[] => claimed.slice(index * atOnce, (index + 1) * atOnce);
  const progress = batch(0).map((one) => ({ ...one, rows: 1, bytes: 1 }));
  expect(await cost('progress', () => saveProgress(db, node, progress))).toEqual([]);
  const done = batch(0).map((one) => ended(one, SUCCEEDED));
  expect((await cost('settlement', () => settleSubtasks(db, node, done))).written).toHaveLength(atOnce);
  expect(await cost('progress of lost ones', () => saveProgress(db, node, progress))).toHaveLength(atOnce);
  const returned = batch(1).map((one) => ended(one, { how: 'hand-back', reason: 'stopped' }));
  expect((await cost('hand-back', () => settleSubtasks(db, node, returned))).written).toHaveLength(atOnce);
  const known = [...batch(0), ...batch(3)].map((one) => one.id);
  expect(await cost('unknown', () => releaseUnknown(db, node, known))).toBe(atOnce);
  await addNode(db, 'n1');
  await cost('sweep', () => sweepOrphans(db, manager));
  expect(await claim(db, other, task, 1)).toHaveLength(others > 0 ? 1 : 0);
  return costs;
}

interface BatchWorld {
  readonly db: Db;
  readonly session: Session;
  readonly manager: LeaderLease;
  readonly plans: (call: () => Promise<unknown>) => Promise<PlanNode[]>;
}

async function batchWorld(mode: string): Promise<BatchWorld> {
  const { url } = await server.ownStore();
  const store = testStore(url);
  // One session, whose plans stay.
  const { db } = store.process('planned', { plan_cache_mode: mode });
  const session = await store.session();
  return { db, session, manager: await lead(db, 'node-manager'), plans: planLog(store, session) };
}

/** Of calls that only make plans. */
async function unread(call: () => Promise<unknown>): Promise<PlanNode[]> {
  await call();
  return [];
}

/** Each row is found, locked and written, and passes the nodes of up to five statements' plans on its way. */
const MOST_HANDLED = 20;

// ✗ tried: a join with `unnest`, which is taken for ten rows. With `reltuples` of 0 or 1 all rows that run on the node were walked for each
// that was settled: the first 100,000 subtasks of a fresh store went at 1,200 to 1,560 a second instead of 18,000, until autovacuum had looked.
describe.each([
  ['in a small table', 0],
  ['in a large table', 20_000],
] as const)('with 2,000 subtasks of one node that run, %s', (_, others) => {
  test.each(
    STATISTICS.flatMap(([name, tuples, pages]) =>
      (['force_generic_plan', 'force_custom_plan'] as const).map((mode) => [name, mode, tuples, pages] as const),
    ),
  )('what costs in proportion to the rows that it is for: statistics %s, %s', async (_, mode, tuples, pages) => {
    const world = await batchWorld(mode);
    const costs = await costsOf(world, AT_ONCE, others, () =>
      tuples === null
        ? world.session.run('ANALYZE')
        : world.session.run(`UPDATE pg_class SET reltuples = $1, relpages = $2 WHERE relname LIKE 'subtasks%'`, [
            tuples,
            pages,
          ]),
    );
    expect(costs.filter(([, rows]) => rows > MOST_HANDLED)).toEqual([]);
  });

  test.each([
    ['no rows', 'DELETE FROM subtasks'],
    ['one left-over row', 'DELETE FROM subtasks WHERE id > (SELECT min(id) FROM subtasks)'],
  ])('what costs in proportion to the rows that it is for: plans that were made beside %s', async (_, emptying) => {
    const world = await batchWorld('force_generic_plan');
    // Often enough for all texts to be prepared; the last look at the table comes before the last plans.
    for (let round = 0; round < ROUNDS; round++) {
      await costsOf({ ...world, plans: unread }, 1, 1);
      await world.session.run(emptying);
      if (round === ROUNDS / 2) await world.session.run('VACUUM (ANALYZE) subtasks');
    }
    const costs = await costsOf(world, AT_ONCE, others);
    expect(costs.filter(([, rows]) => rows > MOST_HANDLED)).toEqual([]);
  });
});

/** Nodes that stopped: one for each pod of many roll-outs. */
const GONE_NODES = 10_000;

// ✗ tried: each node of the table beside each running task, for those that hold its pending work: a look of the balancer took 4 to 7 s.
describe.each([
  ['right after the tables were analysed', 'analyzed'],
  ['with statistics of empty tables', 'empty'],
  ['by plans for any parameters that were made on empty tables', 'planned-before'],
] as const)('beside 10,000 nodes that stopped, %s', (_, knowledge) => {
  test('what runs all the time reads those that are present, and of the others only who is named', async () => {
    const { url } = await server.ownStore();
    const store = testStore(url);
    const settings = knowledge === 'planned-before' ? { plan_cache_mode: 'force_generic_plan' } : {};
    const { db } = store.process('looking', settings);
    const session = await store.session();
    const [owner, manager] = [await leadingOwner(db), await lead(db, 'node-manager')];
    const node = await addNode(db, 'n1');
    await addNode(db, 'n2');
    const calls: readonly (readonly [string, number, () => Promise<unknown>])[] = [
      ['nodes that are present', 2, () => readPresentNodes(db)],
      ['a scheduling pass', 10, () => readSchedulingSnapshot(db)],
      ['imbalances', 0, () => readImbalances(db, ['n1', 'n2'])],
      ['stranded controls', 10, () => readStrandedControls(db)],
      ['a look at leases', 2, () => fenceExpiredNodes(db, manager, 0)],
      ['a fresh lease', 8, () => extendAllLeases(db, manager, 1)],
      ['a sweep', 20, () => sweepOrphans(db, manager)],
    ];
    if (knowledge === 'planned-before') {
      for (let round = 0; round < ROUNDS; round++) for (const [, , call] of calls) await call();
    }
    await session.run(
      `INSERT INTO nodes (id, state, scope, slots, types, host, pid, lease_expires_at)
       SELECT 'gone-' || n, 'stopped', '', 8, '[]', 'here', 1, '-infinity' FROM generate_series(1, $1::int) n`,
      [GONE_NODES],
    );
    const task = await runningTask(db, owner, node, { rows: 8, nodes: ['n1', 'n2', 'gone-7'] });
    await owner.insertControl(await submit(db), 'pending', 'plan', 'gone-8');
    await claim(db, node, task, 2);
    await owner.saveAdmissions([{ taskId: task, reservedNodes: ['n1', 'n2'], waiting: null }]);
    if (knowledge === 'analyzed') await session.run('ANALYZE');
    const plans = planLog(store, session);
    for (const [name, most, call] of calls) {
      const scans = (await plans(call)).flatMap((plan) => scansOf(plan, 'nodes'));
      expect(lookedAt(scans), `${name}: ${JSON.stringify(scans, null, 1)}`).toBeLessThanOrEqual(most);
    }
    expect(await readImbalances(db, ['n1', 'n2'])).toMatchObject([{ taskId: task }]);
  });
});

/** Tasks that wait for slots, in four queues. */
const WAITING_TASKS = 20_000;
/** What is read of a queue while no more could get slots. */
const HEADS = 100;

// ✗ tried: all of them, each pass. 1.1 s with 61,000, whatever had changed.
describe.each([
  ['right after the tables were analysed', 'analyzed'],
  ['with statistics of empty tables', 'empty'],
  ['by plans for any parameters that were made on empty tables', 'planned-before'],
] as const)('beside 20,000 tasks that wait for slots, %s', (_, knowledge) => {
  test('a scheduling pass reads the heads of their queues', async () => {
    const { url } = await server.ownStore();
    const store = testStore(url);
    const settings = knowledge === 'planned-before' ? { plan_cache_mode: 'force_generic_plan' } : {};
    const { db } = store.process('passing', settings);
    const session = await store.session();
    const owner = await leadingOwner(db);
    const node = await addNode(db, 'n1');
    if (knowledge === 'planned-before') {
      for (let round = 0; round < ROUNDS; round++) await readSchedulingSnapshot(db);
    }
    await session.run(
      `INSERT INTO tasks (key, type, type_version, state, priority, scope, slots, slots_per_subtask, on_failure, meta, retry)
       SELECT 'waiting ' || n, 'toy', '1.0.0', 'pending', 512, '', n % 4 + 1, 1, 'revert', '{}', '{}' FROM generate_series(1, $1::int) n`,
      [WAITING_TASKS],
    );
    const running = await runningTask(db, owner, node, { rows: 2 });
    if (knowledge === 'analyzed') await session.run('ANALYZE');
    const scans = (await planLog(store, session)(() => readSchedulingSnapshot(db))).flatMap((plan) =>
      scansOf(plan, 'tasks'),
    );
    // Each head, the first of each queue once more, and the running task.
    expect(lookedAt(scans), JSON.stringify(scans, null, 1)).toBeLessThanOrEqual(4 * HEADS + 10);
    const read = await readSchedulingSnapshot(db);
    expect(read.filter((task) => task.queue?.hasMore === true)).toHaveLength(4 * HEADS);
    expect(read.map((task) => task.id)).toContain(running);
  });
});

test('a scheduling pass is one statement, however many tasks wait', async () => {
  const { db } = await server.ownStore();
  const pool = poolOf(db);
  const count = async (): Promise<number> => {
    const sent = vi.spyOn(pool, 'query');
    await readSchedulingSnapshot(db);
    const statements = sent.mock.calls.length;
    sent.mockRestore();
    return statements;
  };
  expect(await count()).toBe(1);
  for (let waiting = 0; waiting < 20; waiting++) await submit(db);
  expect(await count()).toBe(1);
  expect(await readSchedulingSnapshot(db)).toHaveLength(20);
});
