import { DEFAULT_RETRY_POLICY } from '@longshore/core';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import {
  claimSubtasks,
  electLeader,
  migrateStore,
  openStore,
  ownerWrites,
  registerNode,
  setNodeState,
  submitTask,
  type LeaderLease,
  type NodeIdentity,
  type OwnerWrites,
  type Store,
} from '@longshore/store';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { LeftOutNotes } from '@longshore/service';
import { balanceOnce } from '../src/internal.ts';

const LONG_MS = 3_600_000;

let postgres: EmbeddedPostgres;
let store: Store;
let owner: OwnerWrites;
let balancer: LeaderLease;
let n1: NodeIdentity;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  await migrateStore(postgres.url);
  store = openStore({ url: postgres.url, applicationName: 'balancer-test' });
  const [asOwner, asBalancer] = [
    await electLeader(store.db, 'owner', 'o1', LONG_MS),
    await electLeader(store.db, 'balancer', 'b1', LONG_MS),
  ];
  if (asOwner === null || asBalancer === null) throw new Error('somebody leads already');
  owner = ownerWrites(store.db, asOwner, 'owner o1');
  balancer = asBalancer;
  n1 = await addNode('n1');
  await addNode('n2');
});
afterEach(async () => {
  await store.db.deleteFrom('subtasks').execute();
  await store.db.deleteFrom('tasks').execute();
  await store.db.updateTable('nodes').set({ state: 'live' }).execute();
});
afterAll(async () => {
  await store.close();
  await postgres.stop();
});

function addNode(id: string): Promise<NodeIdentity> {
  const types = [{ type: 'toy', version: '1.0.0' }];
  const node = { id, scope: '', labels: {}, slots: 8, types, host: 'here', pid: 1, leaseTtlMs: LONG_MS };
  return registerNode(store.db, node);
}

let keys = 0;

/** A task whose plan waits on n1. */
async function planned(): Promise<string> {
  const key = `key-${++keys}`;
  const { id } = await submitTask(store.db, {
    key,
    type: 'toy',
    typeVersion: '1.0.0',
    priority: 512,
    scope: '',
    slots: 1,
    slotsPerSubtask: 1,
    maxNodes: null,
    onFailure: 'revert',
    retry: DEFAULT_RETRY_POLICY,
    meta: {},
    throttle: null,
    gates: null,
    runtimeSlots: null,
    selectors: null,
    pauseOn: [],
    subtaskTimeoutMs: null,
    stallTimeoutMs: null,
    deadlineMs: null,
    trace: null,
    contentHash: key,
    actor: 'client test',
  });
  await owner.insertControl(id, 'pending', 'plan', 'n1');
  return id;
}

/** Node n1 has been running so many hooks for long. */
async function hanging(count: number): Promise<void> {
  const tasks: string[] = [];
  for (let index = 0; index < count; index++) tasks.push(await planned());
  await claimSubtasks(store.db, n1, [], [], tasks);
  await store.db
    .updateTable('subtasks')
    .set({ started_at: sql`clock_timestamp() - interval '1 minute'` })
    .where('task_id', 'in', tasks)
    .execute();
}

/** The nodes of the plans of tasks. */
async function nodesOf(...tasks: string[]): Promise<string[]> {
  const rows = await store.db
    .selectFrom('subtasks')
    .select('exec_id')
    .where('task_id', 'in', tasks)
    .orderBy('task_id')
    .execute();
  return rows.map((row) => row.exec_id);
}

const logger = { info: () => undefined, warn: () => undefined };
const balance = async (): Promise<string[]> => [...(await balanceOnce({ store, logger }, balancer))];

test('a hook moves on when others hang in all places of its node, as far as another has places', async () => {
  await hanging(4);
  const waiting: string[] = [];
  for (let count = 0; count < 6; count++) waiting.push(await planned());
  expect(await balance()).toEqual(['n2']);
  expect((await nodesOf(...waiting)).toSorted()).toEqual(['n1', 'n1', 'n2', 'n2', 'n2', 'n2']);
  // Nothing comes back, and no more goes where all places are taken.
  expect(await balance()).toEqual([]);
});

test('a hook stays where a place is free', async () => {
  await hanging(3);
  const waits = await planned();
  expect(await balance()).toEqual([]);
  expect(await nodesOf(waits)).toEqual(['n1']);
});

test('a row that another session has locked delays the move of no other hook', async () => {
  const [locked, other] = [await planned(), await planned()];
  await setNodeState(store.db, n1, 'draining');
  await store.db.transaction().execute(async (session) => {
    await session.selectFrom('subtasks').select('id').where('task_id', '=', locked).forUpdate().execute();
    await session.selectFrom('tasks').select('id').where('id', '=', locked).forUpdate().execute();
    expect(await balance()).toEqual(['n2']);
    expect(await nodesOf(locked, other)).toEqual(['n1', 'n2']);
  });
  expect(await balance()).toEqual(['n2']);
  expect(await nodesOf(locked, other)).toEqual(['n2', 'n2']);
});

test('a row that stays locked is said once, however many rounds that lasts', async () => {
  const said: unknown[] = [];
  const log = { info: () => undefined, warn: (...line: unknown[]) => void said.push(line) };
  const notes = new LeftOutNotes(log, 'moved');
  const locked = await planned();
  await setNodeState(store.db, n1, 'draining');
  await store.db.transaction().execute(async (session) => {
    await session.selectFrom('tasks').select('id').where('id', '=', locked).forUpdate().execute();
    await sql`LOCK TABLE subtasks IN EXCLUSIVE MODE`.execute(session);
    for (let round = 0; round < 3; round++) await balanceOnce({ store, logger: log }, balancer, notes);
  });
  expect(said).toEqual([
    [
      {},
      `pending subtasks of task ${locked} can't be moved yet: another session has locked the row; looking again each round`,
    ],
  ]);
});
