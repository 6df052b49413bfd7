import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  claimSubtasks,
  readClaimableWork,
  readSchedulingSnapshot,
  readStrandedControls,
  readTask,
  retryTask,
  sweepOrphans,
  type Db,
  type NodeIdentity,
  type OwnerWrites,
} from '../../src/index.ts';
import { useStoreServer, type Session } from '../fixtures/store-server.ts';
import {
  addNode,
  claim,
  FAILURE,
  lead,
  leadingOwner,
  runningTask,
  settle,
  submit,
  SUCCEEDED,
} from '../fixtures/tasks.ts';

const server = useStoreServer();

/** A subtask of a kind that a newer build has added: what it is for, nobody here can say. */
async function addStrange(session: Session, taskId: string, state: string, attempt = 0): Promise<string> {
  const [row] = await session.run<{ id: string }>(
    `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, attempt, node_epoch, is_idempotent, meta)
     VALUES ($1, 'hibernation', '', 0, 1, $2, 'n1', $3, 1, true, '{}') RETURNING id::text`,
    [taskId, state, attempt],
  );
  return row!.id;
}

interface World {
  readonly db: Db;
  readonly session: Session;
  readonly owner: OwnerWrites;
  readonly node: NodeIdentity;
  /** A running task with one subtask. */
  readonly task: string;
  readonly strange: string;
  readonly strangeState: () => Promise<string | undefined>;
}

async function world(state: string): Promise<World> {
  const store = await server.store();
  const { db } = store;
  const [session, owner, node] = [await store.session(), await leadingOwner(db), await addNode(db, 'n1')];
  const task = await runningTask(db, owner, node, { rows: 1 });
  const strange = await addStrange(session, task, state, state === 'running' ? 1 : 0);
  const strangeState = async (): Promise<string | undefined> =>
    (await session.run<{ state: string }>('SELECT state FROM subtasks WHERE id = $1', [strange]))[0]?.state;
  return { db, session, owner, node, task, strange, strangeState };
}

describe('a subtask of a kind that this build does not know', () => {
  test('is not claimed: neither seen, nor by its id, nor by a hint', async () => {
    const { db, node, task, strange, strangeState } = await world('pending');
    expect(await readClaimableWork(db, 'n1')).toMatchObject({ tasks: [{ id: task }], controls: [] });
    expect(await claimSubtasks(db, node, [], [strange], [task])).toEqual([]);
    expect(await strangeState()).toBe('pending');
  });

  test('is neither swept nor moved when its node is gone', async () => {
    for (const state of ['pending', 'running']) {
      const { db, session, strangeState } = await world(state);
      const manager = await lead(db, 'node-manager');
      await session.run(`UPDATE nodes SET state = 'dead'`);
      expect(await sweepOrphans(db, manager)).toEqual([]);
      expect(await readStrandedControls(db)).toEqual([]);
      expect(await strangeState()).toBe(state);
    }
  });

  test('is in flight for its task, and shown to whoever decides', async () => {
    for (const [state, facts] of [
      ['pending', { hasPending: true, hasRunning: false }],
      ['running', { hasPending: false, hasRunning: true }],
    ] as const) {
      const { db, node, task } = await world(state);
      await settle(db, node, await claim(db, node, task, 1), SUCCEEDED);
      const [found] = await readSchedulingSnapshot(db);
      expect(found).toMatchObject({ ...facts, controls: [{ kind: 'hibernation', state }] });
    }
  });

  test.each(['pending', 'running', 'succeed', 'failed', 'dreaming'])(
    'keeps its task from the next plan and from its end while it is %s',
    async (state) => {
      const { db, owner, node, task, strangeState } = await world(state);
      await settle(db, node, await claim(db, node, task, 1), SUCCEEDED);
      expect(await owner.insertControl(task, 'running', 'plan', 'n1')).toBe(false);
      expect(await owner.insertControl(task, 'running', 'finish', 'n1')).toBe(false);
      expect(await owner.finish(task, null)).toBe(false);
      expect(await readTask(db, task)).toMatchObject({ state: 'running' });
      expect(await strangeState()).toBe(state);
    },
  );

  test.each(['pending', 'running', 'paused', 'failed', 'dreaming'])(
    'is not ended with its task, which is not undone, while it is %s',
    async (state) => {
      const { db, owner, task, strangeState } = await world(state);
      await cancelTask(db, task, 'client', null);
      await owner.stop(task);
      await owner.endPending(task);
      expect(await owner.insertControl(task, 'reverting', 'revert', 'n1')).toBe(false);
      expect(await owner.undo(task, null)).toBe(false);
      expect(await owner.undo(task, null, 'no node can run its revert hook')).toBe(false);
      expect(await readTask(db, task)).toMatchObject({ state: 'reverting' });
      expect(await strangeState()).toBe(state);
    },
  );

  test('keeps a task that has not begun from being over at once, and one that has ended from history', async () => {
    const { db, session, owner } = await world('pending');
    const waiting = await submit(db);
    await addStrange(session, waiting, 'pending');
    expect(await cancelTask(db, waiting, 'client', null)).toMatchObject({ state: 'cancelling' });
    const refused = await submit(db);
    await addStrange(session, refused, 'pending');
    await owner.refuse(refused, FAILURE);
    expect(await owner.archive(refused)).toBe(false);
    const left = await session.run(
      `SELECT task_id::text AS task, state FROM subtasks WHERE kind = 'hibernation' AND task_id = ANY($1) ORDER BY id`,
      [[waiting, refused]],
    );
    expect(left).toEqual([waiting, refused].map((task) => ({ task, state: 'pending' })));
  });

  test('is not tried again with what failed of a task that awaits resolution', async () => {
    const { db, session, task, strangeState } = await world('failed');
    await session.run(`UPDATE tasks SET state = 'awaiting-resolution' WHERE id = $1`, [task]);
    await session.run(`UPDATE subtasks SET state = 'failed' WHERE task_id = $1`, [task]);
    expect(await retryTask(db, task, 'client', null)).toMatchObject({ state: 'running' });
    expect(await strangeState()).toBe('failed');
    expect(await session.run(`SELECT state FROM subtasks WHERE kind = 'work'`)).toEqual([{ state: 'pending' }]);
  });
});
