import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeId, taskId } from '../../src/data/ids.ts';
import type { NodeInfo } from '../../src/placement/nodes.ts';
import { compareRank } from '../../src/scheduling/rank.ts';
import { reserveInRankOrder, type Admission, type ReservingTask } from '../../src/scheduling/reservation-ledger.ts';

const node = (id: string, slots: number, changes: Partial<NodeInfo> = {}): NodeInfo => ({
  id: nodeId(id),
  state: 'live',
  scope: '',
  labels: {},
  slots,
  types: [{ type: 'import', version: '1.0.0' }],
  ...changes,
});

/** A task whose rank is its id. */
const task = (id: number, slots: number, changes: Partial<ReservingTask> = {}): ReservingTask => ({
  id: taskId(String(id)),
  priority: 512,
  createdAtMs: 0,
  type: 'import',
  typeVersion: '1.0.0',
  scope: '',
  slots,
  maxNodes: null,
  reserved: [],
  ...changes,
});

/** Nodes by task id; a task that waits by the code of its reason. */
function outcome(admissions: readonly Admission[]): Record<string, string> {
  return Object.fromEntries(admissions.map((one) => [one.taskId, one.waiting?.code ?? one.nodes.join()]));
}

const NO_LIMIT = 1_000;

describe('equal nodes: the published stripe table (16 slots each)', () => {
  const fleet = [node('t1', 16), node('t2', 16), node('t3', 16)];
  const everywhere = 't1,t2,t3';

  test('without a node nothing is admitted', () => {
    expect(outcome(reserveInRankOrder([task(10, 4)], [], NO_LIMIT))).toEqual({ 10: 'NO_LIVE_NODE' });
  });

  test('stripes are taken in rank order until one does not fit', () => {
    const tasks = [task(10, 4), task(20, 8), task(30, 8)];
    expect(outcome(reserveInRankOrder(tasks, fleet, NO_LIMIT))).toEqual({
      10: everywhere,
      20: everywhere,
      30: 'NO_SLOTS',
    });
  });

  // Ours differs: the published owner keeps 10 and 20 scheduled and lets executors preempt their work; here they lose their
  // reservation, say that they wait, and their work is released by the same preemption.
  test('a task that ranks before all of them is admitted as if they were not there', () => {
    const tasks = [task(10, 4), task(20, 8), task(9, 16)];
    expect(outcome(reserveInRankOrder(tasks, fleet, NO_LIMIT))).toEqual({
      9: everywhere,
      10: 'NO_SLOTS',
      20: 'NO_SLOTS',
    });
  });

  test('a task in between sees only what ranks before it', () => {
    expect(outcome(reserveInRankOrder([task(10, 4), task(20, 8), task(11, 16)], fleet, NO_LIMIT))).toMatchObject({
      10: everywhere,
      11: 'NO_SLOTS',
    });
    expect(outcome(reserveInRankOrder([task(10, 4), task(20, 8), task(11, 12)], fleet, NO_LIMIT))).toEqual({
      10: everywhere,
      11: everywhere,
      20: 'NO_SLOTS',
    });
  });

  // The published table's second half counts slots in use; here a node's use is what ranks before. Used: t1 12, t2 8.
  test('where there is no stripe left, single nodes with room are', () => {
    const pair = [node('t1', 16), node('t2', 16)];
    const before = [task(1, 12, { maxNodes: 1, reserved: [nodeId('t1')] }), task(2, 8, { maxNodes: 1 })];
    const admit = (...tasks: ReservingTask[]): Record<string, string> =>
      outcome(reserveInRankOrder([...before, ...tasks], pair, NO_LIMIT));
    expect(admit()).toEqual({ 1: 't1', 2: 't2' });
    expect(admit(task(40, 16))).toMatchObject({ 40: 'NO_SLOTS' });
    expect(admit(task(40, 8))).toMatchObject({ 40: 't2' });
    expect(admit(task(40, 8), task(50, 8))).toMatchObject({ 40: 't2', 50: 'NO_SLOTS' });
    expect(admit(task(40, 8), task(60, 4))).toMatchObject({ 40: 't2', 60: 't1' });
    expect(admit(task(50, 8))).toMatchObject({ 50: 't2' });
  });

  test('what waits for a stripe gets it when the task before it has ended, and not before', () => {
    expect(outcome(reserveInRankOrder([task(10, 4), task(15, 16)], fleet, NO_LIMIT))).toMatchObject({ 15: 'NO_SLOTS' });
    expect(outcome(reserveInRankOrder([task(15, 16)], fleet, NO_LIMIT))).toEqual({ 15: everywhere });
  });

  test('of nodes with 4, 12 and no slots free one takes a task of 10, and one that has left takes none', () => {
    const nodes = [node('a', 16), node('b', 16), node('c', 16), node('gone', 16, { state: 'dead' })];
    const on = (id: string): Partial<ReservingTask> => ({ maxNodes: 1, reserved: [nodeId(id)] });
    const before = [task(1, 12, on('a')), task(2, 4, on('b')), task(3, 16, on('c'))];
    const stale = task(10, 10, { reserved: [nodeId('gone')] });
    expect(outcome(reserveInRankOrder([...before, stale], nodes, NO_LIMIT))).toMatchObject({ 10: 'b' });
  });

  test('when the fleet grows by bigger nodes, what waited is admitted', () => {
    const big = [node('t1', 32), node('t2', 32)];
    expect(outcome(reserveInRankOrder([task(10, 16), task(20, 16)], big, NO_LIMIT))).toEqual({
      10: 't1,t2',
      20: 't1,t2',
    });
  });
});

describe('unequal nodes', () => {
  const fleet = [node('big', 16), node('mid', 8), node('small', 2)];

  test('a task takes the nodes that are large enough', () => {
    expect(outcome(reserveInRankOrder([task(1, 8)], fleet, NO_LIMIT))).toEqual({ 1: 'big,mid' });
    expect(outcome(reserveInRankOrder([task(1, 2)], fleet, NO_LIMIT))).toEqual({ 1: 'big,mid,small' });
  });

  test('the room beside the higher-ranked counts node by node', () => {
    const tasks = [task(1, 8), task(2, 8), task(3, 2)];
    expect(outcome(reserveInRankOrder(tasks, fleet, NO_LIMIT))).toEqual({ 1: 'big,mid', 2: 'big', 3: 'small' });
  });

  test('a task that no node could ever hold says so, and keeps nobody waiting', () => {
    const [never, next] = reserveInRankOrder([task(1, 17), task(2, 16)], fleet, NO_LIMIT);
    expect(never?.waiting).toEqual({
      code: 'NO_SLOTS',
      message: "it needs 17 slots on a node, but the largest node has 16; lower the task's slots or add a larger node",
    });
    expect(next?.nodes).toEqual(['big']);
  });

  test('only nodes of its scope and with its type count', () => {
    const nodes = [node('a', 4, { scope: 'gpu' }), node('b', 4, { types: [] }), node('c', 4)];
    const tasks = [task(1, 4), task(2, 4, { scope: 'gpu' }), task(3, 4, { type: 'index' }), task(4, 4, { scope: 'x' })];
    expect(outcome(reserveInRankOrder(tasks, nodes, NO_LIMIT))).toEqual({
      1: 'c',
      2: 'a',
      3: 'NO_NODE_WITH_TYPE',
      4: 'NO_NODE_IN_SCOPE',
    });
  });
});

describe('maxNodes', () => {
  const fleet = [node('a', 4), node('b', 8), node('c', 4)];

  test('takes the nodes with the most room', () => {
    expect(outcome(reserveInRankOrder([task(1, 2, { maxNodes: 1 })], fleet, NO_LIMIT))).toEqual({ 1: 'b' });
    expect(outcome(reserveInRankOrder([task(1, 2, { maxNodes: 2 })], fleet, NO_LIMIT))).toEqual({ 1: 'a,b' });
  });

  test('keeps the nodes that it has before that, so that work is not moved without need', () => {
    const kept = task(1, 2, { maxNodes: 1, reserved: [nodeId('c')] });
    expect(outcome(reserveInRankOrder([kept], fleet, NO_LIMIT))).toEqual({ 1: 'c' });
  });

  test('gives up a node that has no room any more', () => {
    const kept = task(2, 2, { maxNodes: 1, reserved: [nodeId('c')] });
    const first = task(1, 4, { maxNodes: 1, reserved: [nodeId('c')] });
    expect(outcome(reserveInRankOrder([kept, first], fleet, NO_LIMIT))).toEqual({ 1: 'c', 2: 'b' });
  });

  test('more than there are means all', () => {
    expect(outcome(reserveInRankOrder([task(1, 2, { maxNodes: 9 })], fleet, NO_LIMIT))).toEqual({ 1: 'a,b,c' });
  });
});

describe('the limit of tasks', () => {
  const fleet = [node('a', 4)];

  test('the ones ranked after it wait and say so', () => {
    const tasks = [task(1, 1), task(2, 1), task(3, 1)];
    expect(outcome(reserveInRankOrder(tasks, fleet, 2))).toEqual({ 1: 'a', 2: 'a', 3: 'TASK_LIMIT' });
  });

  test('a task that waits for something else does not count', () => {
    const tasks = [task(1, 9), task(2, 1), task(3, 1)];
    expect(outcome(reserveInRankOrder(tasks, fleet, 2))).toEqual({ 1: 'NO_SLOTS', 2: 'a', 3: 'a' });
  });
});

describe('whatever the tasks and nodes', () => {
  const fleets = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 8 }).map((id) => nodeId(`n${id}`)),
      state: fc.constantFrom('live', 'live', 'live', 'dead'),
      scope: fc.constantFrom('', '', 'background', 'gpu'),
      labels: fc.constantFrom<NodeInfo['labels']>({}, { disk: 'ssd' }),
      slots: fc.integer({ min: 1, max: 16 }),
      types: fc.constantFrom<NodeInfo['types']>([], [{ type: 'import', version: '1.0.0' }]),
    }),
    { selector: (one) => one.id, maxLength: 8 },
  );
  const taskLists = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 100 }).map((id) => taskId(String(id))),
      priority: fc.integer({ min: 1, max: 3 }),
      createdAtMs: fc.integer({ min: 0, max: 2 }),
      type: fc.constant('import'),
      typeVersion: fc.constant('1.0.0'),
      scope: fc.constantFrom('', 'gpu'),
      selectors: fc.constantFrom<NonNullable<ReservingTask['selectors']> | null>(null, null, [
        { label: 'disk', op: 'exists' },
      ]),
      slots: fc.integer({ min: 1, max: 16 }),
      maxNodes: fc.option(fc.integer({ min: 1, max: 4 })),
      reserved: fc.uniqueArray(fc.integer({ min: 1, max: 8 }).map((id) => nodeId(`n${id}`))),
    }),
    { selector: (one) => one.id, maxLength: 10 },
  );
  const limits = fc.integer({ min: 0, max: 10 });

  test('a node never gives more slots than it has', () => {
    fc.assert(
      fc.property(taskLists, fleets, limits, (tasks, nodes, limit) => {
        const slotsOf = new Map(tasks.map((one) => [one.id, one.slots]));
        const used = new Map<string, number>();
        for (const { taskId: id, nodes: chosen } of reserveInRankOrder(tasks, nodes, limit)) {
          for (const one of chosen) used.set(one, (used.get(one) ?? 0) + (slotsOf.get(id) ?? 0));
        }
        for (const { id, slots } of nodes) expect(used.get(id) ?? 0).toBeLessThanOrEqual(slots);
      }),
    );
  });

  test('a task is never displaced by one that ranks after it', () => {
    fc.assert(
      fc.property(taskLists, fleets, limits, fc.nat(10), (tasks, nodes, limit, count) => {
        const first = tasks.toSorted(compareRank).slice(0, count);
        const alone = reserveInRankOrder(first, nodes, limit);
        expect(reserveInRankOrder(tasks, nodes, limit).slice(0, first.length)).toEqual(alone);
      }),
    );
  });

  test('the order of the input does not matter', () => {
    fc.assert(
      fc.property(taskLists, fleets, limits, (tasks, nodes, limit) => {
        const result = reserveInRankOrder(tasks, nodes, limit);
        expect(reserveInRankOrder(tasks.toReversed(), nodes.toReversed(), limit)).toEqual(result);
      }),
    );
  });

  test('a second pass over its own result changes nothing', () => {
    fc.assert(
      fc.property(taskLists, fleets, limits, (tasks, nodes, limit) => {
        const result = reserveInRankOrder(tasks, nodes, limit);
        const reserved = new Map(result.map((one) => [one.taskId, one.nodes]));
        const again = tasks.map((one) => ({ ...one, reserved: reserved.get(one.id) ?? [] }));
        expect(reserveInRankOrder(again, nodes, limit)).toEqual(result);
      }),
    );
  });

  test('a task has nodes, at most maxNodes of them, or a reason why it waits', () => {
    fc.assert(
      fc.property(taskLists, fleets, limits, (tasks, nodes, limit) => {
        for (const { taskId: id, nodes: chosen, waiting } of reserveInRankOrder(tasks, nodes, limit)) {
          expect(chosen.length === 0).toBe(waiting !== null);
          const maxNodes = tasks.find((one) => one.id === id)?.maxNodes ?? chosen.length;
          expect(chosen.length).toBeLessThanOrEqual(maxNodes);
        }
      }),
    );
  });
});

describe('slots that nobody may take back', () => {
  const fleet = [node('t1', 16), node('t2', 16)];
  const pin = (nodeName: string, task: number, slots: number) => ({
    nodeId: nodeId(nodeName),
    taskId: taskId(String(task)),
    slots,
  });

  test('a higher rank does not look through them', () => {
    const tasks = [task(10, 8), task(9, 12)];
    expect(outcome(reserveInRankOrder(tasks, fleet, NO_LIMIT, [pin('t1', 10, 8)]))).toEqual({ 9: 't2', 10: 't1' });
  });

  test('they are part of what their own task reserves', () => {
    expect(outcome(reserveInRankOrder([task(10, 16)], fleet, NO_LIMIT, [pin('t1', 10, 8)]))).toEqual({ 10: 't1,t2' });
  });

  test('those of a task that takes no part, such as a pausing one, are taken all the same', () => {
    expect(outcome(reserveInRankOrder([task(10, 10)], fleet, NO_LIMIT, [pin('t1', 77, 8)]))).toEqual({ 10: 't2' });
  });
});
