import type { CrashRecord } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import {
  fenceExpiredNodes,
  markCrashed,
  readSubtasks,
  registerNode,
  retryTask,
  saveCheckpoint,
  setNodeState,
  sweepOrphans,
  type ClaimedSubtask,
  type Db,
  type LeaderLease,
  type NodeIdentity,
  type OwnerWrites,
} from '../../src/index.ts';
import { useStoreServer, type TestStore } from '../fixtures/store-server.ts';
import { addNode, claim, FAILURE, lead, leadingOwner, LONG_MS, runningTask, settle } from '../fixtures/tasks.ts';

const server = useStoreServer();

interface Ground {
  readonly store: TestStore;
  readonly manager: LeaderLease;
  readonly owner: OwnerWrites;
}

async function ground(): Promise<Ground> {
  const store = await server.store();
  return { store, manager: await lead(store.db, 'node-manager'), owner: await leadingOwner(store.db) };
}

/** What a row is suspected of, and whether it may be claimed. */
async function suspicionOf(
  db: Db,
  id: string,
): Promise<{ readonly state: string; readonly crashes: CrashRecord | null }> {
  return db.selectFrom('subtasks').select(['state', 'crashes']).where('id', '=', id).executeTakeFirstOrThrow();
}

/** How a process that has a subtask comes to its end, in the store's eyes. */
const ENDS: Readonly<Record<string, (db: Db, node: NodeIdentity, manager: LeaderLease) => Promise<unknown>>> = {
  'it vanished: its lease ran out': async (db, node, manager) => {
    await db
      .updateTable('nodes')
      .set({ lease_expires_at: new Date(0) as never })
      .where('id', '=', node.id)
      .execute();
    await fenceExpiredNodes(db, manager, 0);
  },
  'it drained, and was ended': async (db, node) => {
    await setNodeState(db, node, 'draining');
    await setNodeState(db, node, 'stopped');
  },
  'it drained, and its end was taken for a crash': async (db, node) => {
    await setNodeState(db, node, 'draining');
    await markCrashed(db, node);
    await setNodeState(db, node, 'stopped');
  },
  'another registered under its name': (db, node) => addNode(db, node.id),
  'another registered under its name, which took a drained one for crashed': async (db, node) => {
    await setNodeState(db, node, 'draining');
    await registerAnew(db, node);
  },
  'another registered under its name after its lease': async (db, node) => {
    await db
      .updateTable('nodes')
      .set({ lease_expires_at: new Date(0) as never })
      .where('id', '=', node.id)
      .execute();
    await registerAnew(db, node);
  },
};

/** The next process of a node, which found that the one before has crashed. */
function registerAnew(db: Db, { id, epoch }: NodeIdentity): Promise<NodeIdentity> {
  return registerNode(db, {
    ...{ id, scope: '', labels: {}, slots: 8, types: [], host: 'here', pid: 1, leaseTtlMs: LONG_MS },
    crashedEpoch: epoch,
  });
}

/** A node that has claimed a subtask of a new task. */
async function busyNode({ store, owner }: Ground, rows = 1): Promise<[NodeIdentity, ClaimedSubtask, string]> {
  const node = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, owner, node, { rows });
  const [claimed] = await claim(store.db, node, taskId, rows);
  return [node, claimed!, taskId];
}

describe('a subtask of a node whose process crashed', () => {
  test.each([
    ['as its guard says', (db: Db, node: NodeIdentity) => markCrashed(db, node).then(() => addNode(db, node.id))],
    ['as its next process finds', (db: Db, node: NodeIdentity) => registerAnew(db, node)],
    [
      'as both say, the guard late',
      (db: Db, node: NodeIdentity) => registerAnew(db, node).then(() => markCrashed(db, node)),
    ],
  ])('is suspected, %s', async (_, crash) => {
    const all = await ground();
    const { db } = all.store;
    const [node, claimed] = await busyNode(all);
    await saveCheckpoint(db, node, claimed, { page: 3 });
    await crash(db, node);
    expect(await sweepOrphans(db, all.manager)).toMatchObject([{ id: claimed.id, hasCrashed: true }]);
    expect(await suspicionOf(db, claimed.id)).toEqual({
      state: 'pending',
      crashes: { nodes: ['n1'], alone: [], checkpoint: { page: 3 } },
    });
  });

  test('is suspected once for each loss, and says so to who claims it; after two, losses count no more', async () => {
    const all = await ground();
    const { db } = all.store;
    const [first, , taskId] = await busyNode(all);
    let node = first;
    for (const nodes of [['n1'], ['n1', 'n1'], ['n1', 'n1']]) {
      node = await registerAnew(db, node);
      await sweepOrphans(db, all.manager);
      const [claimed] = await claim(db, node, taskId, 1);
      expect(claimed!.crashes).toEqual({ nodes, alone: [], checkpoint: null });
    }
  });

  test('that may not run again fails, as ever', async () => {
    const all = await ground();
    const { db } = all.store;
    const node = await addNode(db, 'n1');
    const taskId = await runningTask(db, all.owner, node, { rows: 1, isIdempotent: false });
    const [claimed] = await claim(db, node, taskId, 1);
    await registerAnew(db, node);
    await sweepOrphans(db, all.manager);
    expect(await suspicionOf(db, claimed!.id)).toEqual({ state: 'failed', crashes: null });
  });
});

test.each(Object.keys(ENDS))('nothing is suspected when its holder is lost otherwise: %s', async (how) => {
  const all = await ground();
  const { db } = all.store;
  const [node, claimed] = await busyNode(all);
  await ENDS[how]!(db, node, all.manager);
  expect(await sweepOrphans(db, all.manager)).toMatchObject([{ id: claimed.id, hasCrashed: false }]);
  expect(await suspicionOf(db, claimed.id)).toEqual({ state: 'pending', crashes: null });
});

describe('a suspicion', () => {
  const record: CrashRecord = { nodes: ['n1', 'n2'], alone: ['n1'], checkpoint: null };

  test('changes with a crash of an own process, which counts as no failure', async () => {
    const all = await ground();
    const { db } = all.store;
    const [node, claimed, taskId] = await busyNode(all);
    await settle(db, node, [claimed], { how: 'retry', error: FAILURE, afterMs: 0, crashes: record });
    const [again] = await claim(db, node, taskId, 1);
    expect(again).toMatchObject({ failures: 0, crashes: record });
    const views = await readSubtasks(db, taskId, '0', 9);
    expect(views.find(({ id }) => id === claimed.id)?.crashes).toEqual({ nodes: ['n1', 'n2'], alone: ['n1'] });
    await settle(db, node, [again!], { how: 'retry', error: FAILURE, afterMs: 0 });
    expect((await claim(db, node, taskId, 1))[0]).toMatchObject({ failures: 1, crashes: record });
  });

  test('changes with a checkpoint when its holder says so', async () => {
    const all = await ground();
    const { db } = all.store;
    const [node, claimed] = await busyNode(all);
    await saveCheckpoint(db, node, claimed, 1, { crashes: record });
    expect(await suspicionOf(db, claimed.id)).toMatchObject({ crashes: record });
    await saveCheckpoint(db, node, claimed, 2);
    expect(await suspicionOf(db, claimed.id)).toMatchObject({ crashes: record });
    await saveCheckpoint(db, node, claimed, 3, { crashes: null });
    expect(await suspicionOf(db, claimed.id)).toMatchObject({ crashes: null });
  });

  test('stays when a person has it tried again, with its own crashes counted anew', async () => {
    const all = await ground();
    const { db } = all.store;
    const [node, claimed, taskId] = await busyNode(all);
    await settle(db, node, [claimed], { how: 'retry', error: FAILURE, afterMs: 0, crashes: record });
    const [again] = await claim(db, node, taskId, 1);
    await settle(db, node, [again!], { how: 'fail', error: FAILURE });
    await db.updateTable('tasks').set({ state: 'awaiting-resolution' }).where('id', '=', taskId).execute();
    await retryTask(db, taskId, 'client', null);
    expect(await suspicionOf(db, claimed.id)).toEqual({
      state: 'pending',
      crashes: { nodes: ['n1', 'n2'], alone: [], checkpoint: null },
    });
  });
});
