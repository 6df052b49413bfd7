import { nodeId, taskId as toTaskId } from '@longshore/core';
import { startTcpProxy, waitUntil, type TcpProxy } from '@longshore/test-kit';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  agreeOnLease,
  beginUndo,
  cancelTask,
  electLeader,
  extendAllLeases,
  fenceExpiredNodes,
  forgetOldTasks,
  insertPlanPage,
  leaseThrottle,
  modifyTask,
  moveControl,
  moveSubtasks,
  openStore,
  ownerWrites,
  pauseTask,
  raiseAttempt,
  registerNode,
  registerType,
  releaseUnknown,
  removeGoneNodes,
  renewLeadership,
  renewNode,
  resignLeadership,
  resumeTask,
  retryTask,
  saveCheckpoint,
  saveGates,
  saveProgress,
  saveSettings,
  setNodeState,
  settleSubtasks,
  submitTask,
  sweepOrphans,
  type ClaimedSubtask,
  type Db,
  type LeaderLease,
  type NodeIdentity,
} from '../src/index.ts';
import { useStoreServer, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  claimPlan,
  ended,
  FAILURE,
  lead,
  LONG_MS,
  newTask,
  pageRows,
  planStep,
} from './fixtures/tasks.ts';

/**
 * Every kind of write, cut off at its COMMIT. Whether it has happened is unknown to the caller: here once it has, and once it hasn't. What the
 * caller does next must lead to the same rows as the write alone does.
 */
const server = useStoreServer();
let proxy: TcpProxy;

beforeAll(async () => {
  const { host, port } = server.postgres();
  proxy = await startTcpProxy({ host, port });
});
afterAll(() => proxy.close());

/** A running task with a claimed and two pending subtasks on its first node. */
interface Ground {
  readonly node: NodeIdentity;
  readonly owner: LeaderLease;
  readonly nodeManager: LeaderLease;
  readonly balancer: LeaderLease;
  readonly taskId: string;
  readonly claimed: ClaimedSubtask;
}

async function prepareGround(db: Db): Promise<Ground> {
  const owner = await lead(db, 'owner');
  const node = await addNode(db, 'n1');
  await addNode(db, 'n2');
  const { id: taskId } = await submitTask(db, newTask('ground'));
  await planStep(db, ownerWrites(db, owner, 'o1'), node, taskId, { rows: 3, nodes: ['n1'] });
  const [claimed] = await claim(db, node, taskId, 1);
  return {
    node,
    owner,
    nodeManager: await lead(db, 'node-manager'),
    balancer: await lead(db, 'balancer'),
    taskId,
    claimed: claimed!,
  };
}

interface Write {
  /** How the row gets ready for the write, in addition to the ground. */
  readonly prepare?: (db: Db, ground: Ground) => Promise<unknown>;
  readonly write: (db: Db, ground: Ground) => Promise<unknown>;
  /** What its caller does when it doesn't know. Default: the same again. */
  readonly next?: (db: Db, ground: Ground) => Promise<unknown>;
  /** What is sent last, where the write is one statement without a transaction of its own. Default: COMMIT. */
  readonly text?: string;
  /** Whether it changes more than times. Default true. */
  readonly isSeen?: boolean;
}

const ownerOf = (db: Db, { owner }: Ground) => ownerWrites(db, owner, 'o1');
const settleAs =
  (ending: Parameters<typeof ended>[1]) =>
  (db: Db, { node, claimed }: Ground): Promise<unknown> =>
    settleSubtasks(db, node, [ended(claimed, ending)]);
const expireNode = (db: Db): Promise<unknown> =>
  sql`UPDATE nodes SET lease_expires_at = '-infinity' WHERE id = 'n1'`.execute(db);
const expireOwner = (db: Db): Promise<unknown> =>
  sql`UPDATE leases SET expires_at = '-infinity' WHERE name = 'owner'`.execute(db);
const pause = (db: Db, { taskId }: Ground): Promise<unknown> => pauseTask(db, taskId, 'client', null);

const WRITES: Readonly<Record<string, Write>> = {
  'a submit with its key': { write: (db) => submitTask(db, newTask('cut')) },
  'a submit of the next run of a key': {
    prepare: async (db) => {
      const { id } = await submitTask(db, newTask('again'));
      await cancelTask(db, id, 'client', null);
    },
    write: (db) => submitTask(db, newTask('again'), { again: true, submitId: 'cut' }),
    // However late: the run has ended by then, and is not started anew.
    next: async (db) => {
      const { id } = await submitTask(db, newTask('again'), { again: true, submitId: 'cut' });
      await submitTask(db, newTask('again'), { again: true, submitId: 'cut' });
      expect(await db.selectFrom('task_keys').select('task_id').where('key', '=', 'again').execute()).toEqual([
        { task_id: id },
      ]);
    },
  },
  'a cancel': { write: (db, { taskId }) => cancelTask(db, taskId, 'client', null) },
  'a pause': { write: pause },
  'a resume': {
    prepare: async (db, ground) => {
      await pause(db, ground);
      await settleAs({ how: 'pause' })(db, ground);
      await ownerOf(db, ground).settle(ground.taskId);
    },
    write: (db, { taskId }) => resumeTask(db, taskId, 'client', null),
  },
  'a change of settings': {
    write: (db, { taskId }) => modifyTask(db, taskId, { slots: 2 }, 'client', null),
    // The task is being changed: a second request is refused.
    next: (db, { taskId }) => modifyTask(db, taskId, { slots: 2 }, 'client', null).catch(() => undefined),
  },
  "the cluster's settings": { write: (db) => saveSettings(db, { maxScheduledTasks: 7 }) },
  'what nodes go by': { write: (db) => agreeOnLease(db, {}) },
  'a registration of a type': {
    write: (db) =>
      registerType(db, {
        type: 'cut',
        version: '1.0.0',
        description: '',
        contract: 1,
        steps: ['load'],
        hooks: [],
        schema: {},
        defaults: {},
      }),
  },
  'a retry of what failed': {
    prepare: async (db, ground) => {
      await settleAs({ how: 'fail', error: FAILURE })(db, ground);
      await sql`UPDATE tasks SET state = 'awaiting-resolution' WHERE id = ${ground.taskId}`.execute(db);
    },
    write: (db, { taskId }) => retryTask(db, taskId, 'client', null),
    // The task goes on already: a second request is refused.
    next: (db, { taskId }) => retryTask(db, taskId, 'client', null).catch(() => undefined),
  },
  'a task that leaves for history': {
    prepare: async (db, ground) => {
      await settleAs({ how: 'succeed', result: 1 })(db, ground);
      await db.deleteFrom('subtasks').where('state', '=', 'pending').execute();
      await sql`UPDATE tasks SET state = 'succeed', outcome = 'succeeded' WHERE id = ${ground.taskId}`.execute(db);
    },
    write: (db, ground) => ownerOf(db, ground).archive(ground.taskId),
  },
  'an old task that is forgotten': {
    prepare: async (db, ground) => {
      await WRITES['a task that leaves for history']?.prepare?.(db, ground);
      await ownerOf(db, ground).archive(ground.taskId);
      await sql`UPDATE task_history SET archived_at = '-infinity'`.execute(db);
    },
    write: async (db, { owner }) => {
      const { failed } = await forgetOldTasks(db, owner, 1);
      for (const { error } of failed) throw error;
    },
  },
  'an admission': {
    write: (db, ground) =>
      ownerOf(db, ground).saveAdmissions([{ taskId: ground.taskId, reservedNodes: ['n2'], waiting: null }]),
  },
  'why tasks wait behind the heads of their queues': {
    write: (db, ground) =>
      ownerOf(db, ground).saveQueueWaits([{ queue: 'q', afterId: ground.taskId, code: 'NO_SLOTS', message: 'none' }]),
  },
  'a control subtask': {
    write: (db, ground) => ownerOf(db, ground).insertControl(ground.taskId, 'running', 'gates', 'n1'),
  },
  'a failure of a task': { write: (db, ground) => ownerOf(db, ground).fail(ground.taskId, FAILURE) },
  'a page of a plan': {
    prepare: async (db, ground) => {
      const { id } = await submitTask(db, newTask('planned'));
      await claimPlan(db, ownerOf(db, ground), ground.node, id);
    },
    write: async (db, { node }) => {
      const plan = await planOf(db);
      await insertPlanPage(db, node, { ...plan, step: 'load' }, pageRows(4, ['n1']));
    },
    // Its attempt ends with the error. The next one has another number, and deletes what the first one left.
    next: async (db, { node }) => {
      const plan = await planOf(db);
      await db.deleteFrom('subtasks').where('task_id', '=', plan.taskId).where('kind', '=', 'work').execute();
      await insertPlanPage(db, node, { ...plan, step: 'load' }, pageRows(4, ['n1']));
    },
  },
  'a claim': {
    write: (db, { node, taskId }) => claim(db, node, taskId, 1),
    // A node hands back what it doesn't know.
    next: async (db, { node, taskId, claimed }) => {
      await releaseUnknown(db, node, [claimed.id]);
      await claim(db, node, taskId, 1);
    },
  },
  'a result': { write: settleAs({ how: 'succeed', result: 1 }) },
  'a failure of a subtask': { write: settleAs({ how: 'fail', error: FAILURE }) },
  'a retry of a subtask': { write: settleAs({ how: 'retry', error: FAILURE, afterMs: LONG_MS }) },
  'a hand-back': { write: settleAs({ how: 'hand-back', reason: 'a test' }) },
  'a postponement': { write: settleAs({ how: 'postpone', code: 'LATER', message: 'later', afterMs: LONG_MS }) },
  'a checkpoint': {
    write: (db, { node, claimed }) => saveCheckpoint(db, node, claimed, { at: 5 }),
    text: 'SET checkpoint',
  },
  progress: {
    write: (db, { node, claimed }) => saveProgress(db, node, [{ ...claimed, rows: 3, bytes: 30, phase: 'loading' }]),
  },
  'an attempt that is raised': { write: (db, { node, claimed }) => raiseAttempt(db, node, claimed, 7), isSeen: false },
  'readings of gates': {
    prepare: async (db, { claimed }) =>
      db.updateTable('subtasks').set({ kind: 'gates' }).where('id', '=', claimed.id).execute(),
    write: (db, { node, claimed }) => saveGates(db, node, claimed, []),
    text: 'INSERT INTO task_gates',
  },
  'the beginning of a revert': {
    prepare: async (db, { claimed }) =>
      db.updateTable('subtasks').set({ kind: 'revert' }).where('id', '=', claimed.id).execute(),
    write: (db, { node, claimed }) => beginUndo(db, node, claimed),
    text: 'SET undo_began',
  },
  'rows handed back that the node does not know': { write: (db, { node }) => releaseUnknown(db, node, []) },
  'a lease of a budget': { write: (db, { taskId }) => leaseThrottle(db, 'n1', taskId, {}) },
  'a registration of a node': {
    write: (db) =>
      registerNode(db, {
        id: 'n3',
        scope: '',
        labels: {},
        slots: 1,
        types: [],
        host: 'h',
        pid: 1,
        leaseTtlMs: LONG_MS,
      }),
  },
  'a renewal of a node': { write: (db, { node }) => renewNode(db, node, LONG_MS), text: 'UPDATE nodes', isSeen: false },
  'the end of a node': { write: (db, { node }) => setNodeState(db, node, 'stopped') },
  'leases for all after an outage': {
    write: (db, { nodeManager }) => extendAllLeases(db, nodeManager, LONG_MS),
    isSeen: false,
  },
  'a node declared dead': {
    prepare: expireNode,
    write: (db, { nodeManager }) => fenceExpiredNodes(db, nodeManager, 0),
  },
  'nodes removed': {
    prepare: (db) =>
      sql`UPDATE nodes SET state = 'stopped', lease_expires_at = '-infinity' WHERE id = 'n2'`.execute(db),
    write: (db, { nodeManager }) => removeGoneNodes(db, nodeManager, 0),
  },
  'subtasks freed': {
    prepare: async (db, { nodeManager }) => {
      await expireNode(db);
      await fenceExpiredNodes(db, nodeManager, 0);
    },
    write: (db, { nodeManager }) => sweepOrphans(db, nodeManager),
  },
  'a move of subtasks': {
    write: (db, { balancer, taskId }) =>
      moveSubtasks(db, balancer, [
        { taskId: toTaskId(taskId), from: nodeId('n1'), to: nodeId('n2'), count: 1, reason: 'even spread' },
      ]),
    // What is moved is moved; the balancer decides anew on what it reads.
    next: async (db, ground) => {
      const moved = await db.selectFrom('subtasks').select('id').where('exec_id', '=', 'n2').execute();
      if (moved.length === 0) await WRITES['a move of subtasks']?.write(db, ground);
    },
  },
  'a move of a hook': {
    prepare: (db, ground) => ownerOf(db, ground).insertControl(ground.taskId, 'running', 'gates', 'n1'),
    write: async (db, { balancer }) => {
      const { id } = await db.selectFrom('subtasks').select('id').where('kind', '=', 'gates').executeTakeFirstOrThrow();
      await moveControl(db, balancer, { id, execId: nodeId('n1'), reason: 'node gone' }, 'n2');
    },
  },
  'an election': { prepare: expireOwner, write: (db) => electLeader(db, 'owner', 'next', LONG_MS) },
  'a renewal of a leader': {
    write: (db, { owner }) => renewLeadership(db, owner, LONG_MS),
    text: 'UPDATE leases',
    isSeen: false,
  },
  'a resignation': { write: (db, { owner }) => resignLeadership(db, owner), text: 'UPDATE leases' },
};

async function planOf(db: Db): Promise<{ id: string; attempt: number; taskId: string }> {
  const row = await db
    .selectFrom('subtasks')
    .select(['id', 'attempt', 'task_id'])
    .where('kind', '=', 'plan')
    .executeTakeFirstOrThrow();
  return { id: row.id, attempt: row.attempt, taskId: row.task_id };
}

const COLUMNS: Readonly<Record<string, string>> = {
  tasks: 'id, state, step, plan_attempt, version, reserved_nodes, error::text, undo_began',
  task_history: 'id, state',
  task_keys: 'key, task_id, run, submit_id',
  earlier_runs: 'key, task_id, run, submit_id',
  task_steps: 'task_id, step, position, plan_attempt, subtasks',
  subtasks: 'task_id, kind, step, ordinal, state, exec_id, failures, checkpoint::text, reason, phase',
  subtask_history: 'task_id, kind, step, ordinal, state, result::text',
  task_events: 'task_id, kind, from_state, to_state',
  task_budgets: 'task_id',
  task_gates: 'task_id, readings::text',
  task_types: 'type, version, steps',
  task_queues: 'queue, task_id, code',
  nodes: 'id, state',
  leases: "name, holder, epoch, expires_at > '-infinity' AS is_held",
  settings: '*',
};

/** What there is, but for times, ids of new rows, and numbers of attempts, which a lost claim raises. */
async function everything(store: TestStore): Promise<unknown> {
  const session = await store.session();
  const rows: Record<string, unknown> = {};
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const found = await session.run(`SELECT ${columns} FROM ${table}`);
    rows[table] = found.map((row) => JSON.stringify(row)).toSorted();
  }
  return rows;
}

const CUTS = Object.keys(WRITES).flatMap((name) => [[name, 'answer'] as const, [name, 'request'] as const]);

test.each(CUTS)('%s whose COMMIT was cut off, the %s lost', async (name, lost) => {
  const { prepare, write, next = write, text = 'COMMIT\0', isSeen = true } = WRITES[name]!;
  const alone = await server.store();
  const first = await prepareGround(alone.db);
  await prepare?.(alone.db, first);
  const before = await everything(alone);
  await write(alone.db, first);
  const expected = await everything(alone);
  if (isSeen) expect(expected).not.toEqual(before);

  const store = await server.store();
  const ground = await prepareGround(store.db);
  await prepare?.(store.db, ground);
  const cut = openStore({ url: proxy.through(store.url), applicationName: 'cut' });
  onTestFinished(() => cut.close());
  if (lost === 'answer') proxy.loseAnswerTo(text);
  else proxy.loseRequest(text);
  await expect(write(cut.db, ground)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  const watch = await store.session();
  await waitUntil(
    () => watch.run(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'cut'`),
    (rows) => rows.length === 0,
    { what: 'the server to be done with what it got' },
  );
  await next(store.db, ground);
  expect(await everything(store)).toEqual(expected);
});
