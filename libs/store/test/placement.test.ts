import { nodeId, taskId as idOf, type LabelSelector } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import {
  claimSubtasks,
  cancelTask,
  insertPlanPage,
  membershipOf,
  moveSubtasks,
  NO_NODE,
  readEvents,
  readImbalances,
  readNodes,
  readSchedulingSnapshot,
  readTask,
  type ControlMeta,
  type Db,
  type NodeIdentity,
  type OwnerWrites,
  type ScheduledTask,
} from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  claimPlan,
  controlsOf,
  FAILURE,
  lead,
  leadingOwner,
  LONG_MS,
  pageRows,
  runningTask,
  settle,
  submit,
  type Ending,
} from './fixtures/tasks.ts';

const server = useStoreServer();

const SSD: readonly LabelSelector[] = [{ label: 'disk', op: '=', value: 'ssd' }];
const ON_N1 = { nodeIds: ['n1'] };
const ON_SSD = { labels: SSD };

async function snapshotOf(db: Db, taskId: string): Promise<ScheduledTask> {
  const task = (await readSchedulingSnapshot(db)).find((one) => one.id === taskId);
  if (task === undefined) throw new Error(`task ${taskId} is not active`);
  return task;
}

/** A running task whose type said, for the membership `a`, that its step runs on n1. */
async function placedTask(db: Db, owner: OwnerWrites, node: NodeIdentity, isAdmitted = true): Promise<string> {
  const taskId = await submit(db);
  const plan = await claimPlan(db, owner, node, taskId);
  await insertPlanPage(db, node, { ...plan, step: 'load' }, pageRows(3, ['n1']));
  const result = { step: 'load', planAttempt: 1, subtasks: 3, placement: ON_N1, placedFor: 'a' };
  await settle(db, node, [plan], { how: 'succeed', result });
  expect(await owner.consumePlan(taskId, plan.id, { do: 'finish' })).toBe(true);
  if (isAdmitted) await owner.saveAdmissions([{ taskId, reservedNodes: ['n1'], waiting: null }]);
  return taskId;
}

/** Asks the type anew, and ends the asking. @returns the control subtask's id. */
async function askAnew(
  db: Db,
  owner: OwnerWrites,
  node: NodeIdentity,
  { taskId, meta = {}, ending }: { taskId: string; meta?: ControlMeta; ending: Ending },
): Promise<string> {
  expect(await owner.insertControl(taskId, 'running', 'place', node.id, undefined, meta)).toBe(true);
  const [place] = await claimSubtasks(db, node, [], await controlsOf(db, taskId));
  await settle(db, node, [place!], ending);
  return place!.id;
}

describe('labels of a node', () => {
  test('are those of its last registration', async () => {
    const store = await server.store();
    await addNode(store.db, 'n1', LONG_MS, { zone: 'a', disk: 'ssd' });
    await addNode(store.db, 'n2');
    expect((await readNodes(store.db)).map((node) => node.labels)).toEqual([{ zone: 'a', disk: 'ssd' }, {}]);
    await addNode(store.db, 'n1', LONG_MS, { zone: 'b' });
    expect((await readNodes(store.db)).map((node) => node.labels)).toEqual([{ zone: 'b' }, {}]);
  });

  test('make another membership, their order does not', () => {
    const a = { id: 'a', labels: { zone: 'x', disk: 'ssd' } };
    const b = { id: 'b', labels: {} };
    const membership = membershipOf([a, b]);
    expect(membershipOf([b, { id: 'a', labels: { disk: 'ssd', zone: 'x' } }])).toBe(membership);
    expect(membershipOf([a])).not.toBe(membership);
    expect(membershipOf([a, { id: 'c', labels: {} }])).not.toBe(membership);
    expect(membershipOf([{ id: 'a', labels: { zone: 'y', disk: 'ssd' } }, b])).not.toBe(membership);
  });
});

test("a task's selectors are there for whoever places it, and stay in history", async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await submit(store.db, { selectors: SSD });
  expect((await snapshotOf(store.db, taskId)).selectors).toEqual(SSD);
  expect((await claimPlan(store.db, owner, node, taskId)).task?.selectors).toEqual(SSD);
  const other = await submit(store.db, { selectors: SSD });
  await cancelTask(store.db, other, 'client test', null);
  while (await owner.archive(other));
  expect(await readTask(store.db, other)).toMatchObject({ isArchived: true, selectors: SSD });
});

describe('the placement of a step', () => {
  test('is stored with the step, for the membership that it was asked for', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const taskId = await placedTask(store.db, owner, await addNode(store.db, 'n1'));
    expect((await snapshotOf(store.db, taskId)).stepPlacement).toEqual({ placement: ON_N1, placedFor: 'a' });
  });

  test('takes away the nodes that the task got before its type had a say: nothing is claimed or moved there', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const node = await addNode(db, 'n1');
    const id = await placedTask(db, owner, node, false);
    expect((await readTask(db, id))?.reservedNodes).toEqual([]);
    expect(await claim(db, node, id, 9)).toEqual([]);
    await owner.saveAdmissions([{ taskId: id, reservedNodes: ['n1'], waiting: null }]);
    expect(await claim(db, node, id, 9)).toHaveLength(3);
  });

  test('is nothing for a step of a type that has no say', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const taskId = await runningTask(store.db, owner, await addNode(store.db, 'n1'), { rows: 1 });
    expect((await snapshotOf(store.db, taskId)).stepPlacement).toEqual({ placement: null, placedFor: null });
    expect((await snapshotOf(store.db, await submit(store.db))).stepPlacement).toBeNull();
  });

  test('is replaced by what the type answers anew', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await placedTask(store.db, owner, node);
    const place = await askAnew(store.db, owner, node, {
      taskId,
      meta: { placedFor: 'b' },
      ending: { how: 'succeed', result: { placement: ON_SSD, placedFor: 'c' } },
    });
    expect(await owner.consumePlace(taskId, place)).toBe(true);
    expect((await snapshotOf(store.db, taskId)).stepPlacement).toEqual({ placement: ON_SSD, placedFor: 'c' });
    expect(await owner.consumePlace(taskId, place)).toBe(false);
    const again = await askAnew(store.db, owner, node, {
      taskId,
      ending: { how: 'succeed', result: { placement: null, placedFor: 'd' } },
    });
    expect(await owner.consumePlace(taskId, again)).toBe(true);
    expect((await snapshotOf(store.db, taskId)).stepPlacement).toEqual({ placement: null, placedFor: 'd' });
  });

  test('stays when the type fails to answer, which is not asked again for the same membership', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await placedTask(store.db, owner, node);
    const place = await askAnew(store.db, owner, node, {
      taskId,
      meta: { placedFor: 'b' },
      ending: { how: 'fail', error: FAILURE },
    });
    expect(await owner.consumePlace(taskId, place)).toBe(true);
    const after = await snapshotOf(store.db, taskId);
    expect(after).toMatchObject({ state: 'running', controls: [], firstFailure: null });
    expect(after.stepPlacement).toEqual({ placement: ON_N1, placedFor: 'b' });
    expect((await readEvents(store.db, taskId, 0, 99)).at(-1)).toMatchObject({
      kind: 'subtask-failed',
      subtaskId: place,
      message: 'TOY_BROKEN: it broke',
    });
  });

  test('is asked for beside the work: nothing waits for the answer', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await placedTask(store.db, owner, node);
    await settle(store.db, node, await claim(store.db, node, taskId, 3), { how: 'succeed', result: null });
    await owner.insertControl(taskId, 'running', 'place', 'n1');
    const before = await snapshotOf(store.db, taskId);
    expect(before).toMatchObject({ hasPending: false, hasRunning: false });
    // While it hasn't ended there is no answer to take.
    expect(await owner.consumePlace(taskId, before.controls[0]!.id)).toBe(false);
    await claimSubtasks(store.db, node, [], await controlsOf(store.db, taskId));
    expect(await snapshotOf(store.db, taskId)).toMatchObject({ hasPending: false, hasRunning: false });
    expect(await owner.insertControl(taskId, 'running', 'plan', 'n1')).toBe(true);
  });

  test('is not asked for any more when the task is undone', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await placedTask(store.db, owner, node);
    await owner.insertControl(taskId, 'running', 'place', 'n1');
    await cancelTask(store.db, taskId, 'client test', null);
    expect(await claimSubtasks(store.db, node, [], await controlsOf(store.db, taskId))).toEqual([]);
    await owner.stop(taskId);
    await owner.endPending(taskId);
    expect((await snapshotOf(store.db, taskId)).controls).toEqual([]);
  });
});

test('a plan that fits on no node is written on none, and moves when there is one', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, owner, node, { rows: 3, nodes: [NO_NODE] });
  expect(await claim(store.db, node, taskId, 3)).toEqual([]);
  await owner.saveAdmissions([{ taskId, reservedNodes: ['n1'], waiting: null }]);
  expect(await readImbalances(store.db, ['n1'])).toEqual([
    { taskId, state: 'running', reservedNodes: ['n1'], loads: [{ nodeId: NO_NODE, pending: 3, running: 0 }] },
  ]);
  const balancer = await lead(store.db, 'balancer');
  const from = NO_NODE as ReturnType<typeof nodeId>;
  const move = { taskId: idOf(taskId), from, to: nodeId('n1'), count: 3, reason: 'node gone' } as const;
  expect(await moveSubtasks(store.db, balancer, [move])).toBe(3);
  expect(await claim(store.db, node, taskId, 3)).toHaveLength(3);
});
