import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { balanceTask, type Move, type NodeLoad } from '../../src/scheduling/balance.ts';
import { nodeId, taskId } from '../../src/data/ids.ts';

const TASK = taskId('1');

/** `t1: 2P 1R` in words: the loads of nodes by their names. */
function loads(text: string): NodeLoad[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', counts = ''] = part.split(':');
      const count = (kind: string): number => Number(new RegExp(`(\\d+)${kind}`).exec(counts)?.[1] ?? 0);
      return { nodeId: nodeId(name.trim()), pending: count('P'), running: count('R') };
    });
}

/** `t1>t2 3 (even spread)` */
function moves(nodes: string, state: string): string[] {
  return balanceTask({ taskId: TASK, nodes: nodes.split(',').filter(Boolean).map(nodeId), loads: loads(state) }).map(
    (move) => `${move.from}>${move.to} ${move.count} (${move.reason})`,
  );
}

/** The published cases of the stepped design's balancer; its numbers of subtasks, the states are theirs. */
test.each<[behaviour: string, nodes: string, state: string, expected: string[]]>([
  ['0: no subtasks', 't1,t2', '', []],
  ['1: even but for one', 't1,t2', 't1: 1R, t2: 1P 1R', []],
  ['2: even but for one, over three', 't1,t2,t3', 't2: 1P 1R, t1: 1P, t3: 1P', []],
  ['3: no node has room, so it has none reserved: everything stays', '', 't1: 1P, t2: 4P', []],
  ['5: running ones are not moved', 't1,t2', 't1: 1R', []],
  ['6: the surplus of the fullest', 't1,t2', 't1: 1P, t2: 4P', ['t2>t1 1 (even spread)']],
  ['7: scale-out', 't1,t2,t3', 't1: 5P', ['t1>t2 2 (even spread)', 't1>t3 1 (even spread)']],
  // Ours differs: a running row of a node that is gone comes back as pending when the node is fenced, and is moved then.
  [
    '9: scale-in, before the fence',
    't1,t3',
    't1: 1R, t2: 2P 1R, t3: 1R',
    ['t2>t1 1 (node gone)', 't2>t3 1 (node gone)'],
  ],
  ['9: scale-in, after the fence', 't1,t3', 't1: 1R, t2: 3P, t3: 1R', ['t2>t1 2 (node gone)', 't2>t3 1 (node gone)']],
  // Ours differs: a running subtask of a live node that the task lost is not yanked; it ends or is released there.
  ['11: fewer nodes', 't2', 't1: 1R, t2: 1P 1R', []],
  ['11: fewer nodes, once it was released', 't2', 't1: 1P, t2: 1P 1R', ['t1>t2 1 (node gone)']],
  [
    'a node that ran more than its share keeps it, the others share the rest',
    't1,t2,t3',
    't1: 5R, t2: 4P',
    ['t2>t3 2 (even spread)'],
  ],
  [
    'the fullest keep the larger shares, so that the fewest rows move',
    't1,t2,t3',
    't2: 3P, t3: 4P',
    ['t3>t1 1 (even spread)', 't2>t1 1 (even spread)'],
  ],
])('%s', (_, nodes, state, expected) => {
  expect(moves(nodes, state)).toEqual(expected);
});

describe('whatever the loads', () => {
  const names = fc.integer({ min: 1, max: 6 }).map((id) => nodeId(`n${id}`));
  const states = fc.record({
    nodes: fc.uniqueArray(names, { minLength: 1, maxLength: 6 }),
    loads: fc.uniqueArray(
      fc.record({ nodeId: names, pending: fc.integer({ min: 0, max: 20 }), running: fc.integer({ min: 0, max: 6 }) }),
      { selector: (load) => load.nodeId, maxLength: 6 },
    ),
  });
  type State = typeof states extends fc.Arbitrary<infer T> ? T : never;

  function decide(state: State): readonly Move[] {
    return balanceTask({ taskId: TASK, ...state });
  }

  function apply({ nodes, loads: before }: State): State {
    const after = new Map(before.map((load) => [load.nodeId, { ...load }]));
    for (const { from, to, count } of decide({ nodes, loads: before })) {
      const source = after.get(from) ?? { nodeId: from, pending: 0, running: 0 };
      after.set(from, { ...source, pending: source.pending - count });
      const target = after.get(to) ?? { nodeId: to, pending: 0, running: 0 };
      after.set(to, { ...target, pending: target.pending + count });
    }
    return { nodes, loads: [...after.values()] };
  }

  const total = (state: State): number => state.loads.reduce((sum, load) => sum + load.pending + load.running, 0);

  test('no subtask is lost or made, and none is moved that is not pending where it is taken from', () => {
    fc.assert(
      fc.property(states, (state) => {
        const after = apply(state);
        expect(total(after)).toBe(total(state));
        for (const load of after.loads) expect(load.pending).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('every move is of one at least, to another node, and to one of the task', () => {
    fc.assert(
      fc.property(states, (state) => {
        for (const { from, to, count } of decide(state)) {
          expect(count).toBeGreaterThan(0);
          expect(to).not.toBe(from);
          expect(state.nodes).toContain(to);
        }
      }),
    );
  });

  test('nothing is left on a node that the task has no more, except what runs', () => {
    fc.assert(
      fc.property(states, (state) => {
        const outside = apply(state).loads.filter((load) => !state.nodes.includes(load.nodeId));
        for (const load of outside) expect(load.pending).toBe(0);
      }),
    );
  });

  test('afterwards counts differ by one at most, but for nodes that run more than that', () => {
    fc.assert(
      fc.property(states, (state) => {
        const { loads: after } = apply(state);
        const of = new Map(after.map((load) => [load.nodeId, load]));
        const counts = state.nodes.map((id) => of.get(id) ?? { pending: 0, running: 0 });
        const least = Math.min(...counts.map((load) => load.pending + load.running));
        for (const { pending, running } of counts) {
          if (pending > 0) expect(pending + running).toBeLessThanOrEqual(least + 1);
        }
      }),
    );
  });

  test('once balanced, nothing moves', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(decide(apply(state))).toEqual([]);
      }),
    );
  });

  test('the order of the input does not matter', () => {
    fc.assert(
      fc.property(states, (state) => {
        const turned = { nodes: state.nodes.toReversed(), loads: state.loads.toReversed() };
        expect(decide(turned)).toEqual(decide(state));
      }),
    );
  });
});
