import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeId, taskId } from '../../src/data/ids.ts';
import type { NodeInfo } from '../../src/placement/nodes.ts';
import type { RemainingWork } from '../../src/scheduling/remaining-work.ts';
import { reserveInRankOrder, type PinnedSlots, type ReservingTask } from '../../src/scheduling/reservation-ledger.ts';

const node = (id: string, slots = 4): NodeInfo => ({
  id: nodeId(id),
  state: 'live',
  scope: '',
  labels: {},
  slots,
  types: [{ type: 'import', version: '1.0.0' }],
});

/** Node ids of a text such as `a b`. */
const ids = (text: string) => text.split(' ').filter(Boolean).map(nodeId);

/** A task of four slots whose rank is its id, and that has these nodes now. */
const task = (id: number, reserved: string, changes: Partial<ReservingTask> = {}): ReservingTask => ({
  id: taskId(String(id)),
  priority: 512,
  createdAtMs: 0,
  type: 'import',
  typeVersion: '1.0.0',
  scope: '',
  slots: 4,
  maxNodes: null,
  reserved: ids(reserved),
  ...changes,
});

/** What is left: the nodes of what waits, and those of what runs. */
const left = (pending: string, running: string): { remaining: RemainingWork } => ({
  remaining: { pending: ids(pending), running: ids(running) },
});

function outcome(
  tasks: readonly ReservingTask[],
  nodes: readonly NodeInfo[] = [node('a'), node('b'), node('c')],
  pinned: readonly PinnedSlots[] = [],
): Record<string, string> {
  const admissions = reserveInRankOrder(tasks, nodes, 1_000, pinned);
  return Object.fromEntries(admissions.map((one) => [one.taskId, one.waiting?.code ?? one.nodes.join(' ')]));
}

describe('the end of a step', () => {
  const waits = task(2, '');
  test.each([
    ['one that runs keeps its node', left('', 'b'), 'b', 'a c'],
    ['one that is not due keeps the node where it waits', left('c', ''), 'c', 'a b'],
    ['what runs keeps its nodes, and what waits can use one more each', left('b', 'a'), 'a b', 'c'],
    ['several that run on one node keep that one', left('', 'b b'), 'b', 'a c'],
    ['with as many as there are nodes all are kept', left('a b c', ''), 'a b c', 'NO_SLOTS'],
    ['what waits on no node can use one', { remaining: { pending: [null], running: [] } }, 'a', 'b c'],
    ['what is not known bounds nothing', { remaining: null }, 'a b c', 'NO_SLOTS'],
  ])('%s', (_, remaining, first, second) => {
    expect(outcome([task(1, 'a b c', remaining), waits])).toEqual({ 1: first, 2: second });
  });

  test('bounds a task only where others want its slots', () => {
    expect(outcome([task(1, 'a b c', left('', 'b'))])).toEqual({ 1: 'a b c' });
    expect(outcome([task(1, 'a b c', left('', 'b')), task(2, '', { slots: 1 })])).toEqual({ 1: 'b', 2: 'a c' });
    const roomy = [node('a', 8), node('b', 8)];
    expect(outcome([task(1, 'a b', left('', 'b')), task(2, '')], roomy)).toEqual({ 1: 'a b', 2: 'a b' });
    const elsewhere = [node('a'), node('b'), { ...node('c'), scope: 'gpu' }, { ...node('d'), scope: 'gpu' }];
    const gpu = { scope: 'gpu', slots: 3 };
    expect(outcome([task(1, 'a b', left('', 'b')), task(2, '', gpu), task(3, '', gpu)], elsewhere)).toEqual({
      1: 'a b',
      2: 'c d',
      3: 'NO_SLOTS',
    });
  });

  test('takes nothing from the tasks that rank before it, and gives to the ones after it by rank', () => {
    const tasks = [task(1, 'a', { maxNodes: 1 }), task(2, 'b c', left('', 'c')), task(3, ''), task(4, '')];
    expect(outcome(tasks)).toEqual({ 1: 'a', 2: 'c', 3: 'b', 4: 'NO_SLOTS' });
  });

  test('prefers nodes where nobody loses slots to those that it has', () => {
    // The plan of its step was written while it had all nodes; the other one's work still runs on two of them.
    const tasks = [task(1, 'a b c', left('a', '')), task(2, 'a b')];
    expect(outcome(tasks)).toEqual({ 1: 'c', 2: 'a b' });
    expect(outcome([task(1, 'a b c', left('', 'a')), task(2, 'a b')])).toEqual({ 1: 'a', 2: 'b c' });
  });

  test('keeps what it runs on a node even where it may use fewer', () => {
    expect(outcome([task(1, 'a b c', { ...left('a', 'c'), maxNodes: 1 }), waits])).toEqual({ 1: 'c', 2: 'a b' });
  });

  test('keeps a node for what runs where it has no room any more', () => {
    const tasks = [task(1, '', { maxNodes: 1 }), task(2, 'a', left('', 'a')), task(3, '')];
    const pinned = [{ nodeId: nodeId('a'), taskId: taskId('77'), slots: 4 }];
    expect(outcome(tasks, undefined, pinned)).toEqual({ 1: 'b', 2: 'c', 3: 'NO_SLOTS' });
  });

  test('is followed by all nodes again, by rank, with the next step', () => {
    expect(outcome([task(1, 'b'), task(2, 'a c', left('a', 'c'))])).toEqual({ 1: 'a b c', 2: 'NO_SLOTS' });
    expect(outcome([task(1, 'b', left('b', '')), task(2, 'a c')])).toEqual({ 1: 'b', 2: 'a c' });
    expect(outcome([task(1, ''), task(2, 'a b', { ...left('', 'a'), priority: 1 })])).toEqual({ 1: 'b c', 2: 'a' });
  });
});

describe('whatever is left', () => {
  const names = fc.integer({ min: 1, max: 6 }).map((id) => nodeId(`n${id}`));
  const fleets = fc.uniqueArray(
    fc.record({ id: names, slots: fc.integer({ min: 1, max: 8 }) }).map(({ id, slots }) => node(id, slots)),
    { selector: (one) => one.id, maxLength: 6 },
  );
  const works = fc.record({
    pending: fc.array(fc.option(names), { maxLength: 6 }),
    running: fc.uniqueArray(names, { maxLength: 3 }),
  });
  const taskLists = fc.uniqueArray(
    fc
      .record({
        id: fc.integer({ min: 1, max: 50 }),
        slots: fc.integer({ min: 1, max: 8 }),
        maxNodes: fc.option(fc.integer({ min: 1, max: 4 })),
        reserved: fc.uniqueArray(names),
        remaining: fc.option(works),
      })
      .map(({ id, reserved, ...changes }) => task(id, reserved.join(' '), changes)),
    { selector: (one) => one.id, maxLength: 8 },
  );
  const pins = fc.array(fc.record({ nodeId: names, taskId: fc.constant(taskId('99')), slots: fc.constant(1) }), {
    maxLength: 2,
  });
  const NO_LIMIT = 1_000;

  test('a second pass over its own result changes nothing', () => {
    fc.assert(
      fc.property(taskLists, fleets, pins, (tasks, nodes, pinned) => {
        const first = reserveInRankOrder(tasks, nodes, NO_LIMIT, pinned);
        const reserved = new Map(first.map((one) => [one.taskId, one.nodes]));
        const again = tasks.map((one) => ({ ...one, reserved: reserved.get(one.id) ?? [] }));
        expect(reserveInRankOrder(again, nodes, NO_LIMIT, pinned)).toEqual(first);
      }),
      { numRuns: 500 },
    );
  });

  test('what ends only makes room: a task keeps nodes that it had, and takes none that it had not', () => {
    fc.assert(
      fc.property(fleets, fc.uniqueArray(names, { minLength: 1, maxLength: 6 }), fc.nat(6), (nodes, held, ends) => {
        const others = task(50, '', { slots: 8 });
        const before = reserveInRankOrder([task(1, '', { slots: 1 })], nodes, NO_LIMIT)[0]?.nodes ?? [];
        let reserved = before;
        const running = [...held];
        for (let end = 0; end < Math.min(ends, held.length - 1); end++) {
          running.pop();
          const one = { ...task(1, '', { slots: 1, remaining: { pending: [], running } }), reserved };
          const now = reserveInRankOrder([one, others], nodes, NO_LIMIT)[0]?.nodes ?? [];
          expect(reserved).toEqual(expect.arrayContaining([...now]));
          reserved = now;
        }
      }),
    );
  });

  test('nobody waits for slots while a task holds more nodes than it can use', () => {
    fc.assert(
      fc.property(taskLists, fleets, pins, (tasks, nodes, pinned) => {
        const admissions = new Map(reserveInRankOrder(tasks, nodes, NO_LIMIT, pinned).map((one) => [one.taskId, one]));
        const largest = Math.max(...nodes.map((one) => one.slots));
        const isWaiting = ({ id, slots }: ReservingTask) => admissions.get(id)?.nodes.length === 0 && slots <= largest;
        if (!tasks.some(isWaiting)) return;
        for (const { id, remaining } of tasks) {
          if (remaining == null) continue;
          const usable = Math.max(1, remaining.pending.length + remaining.running.length);
          expect(admissions.get(id)?.nodes.length).toBeLessThanOrEqual(usable);
        }
      }),
    );
  });
});
