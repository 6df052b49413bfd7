import { expect, test } from 'vitest';
import type { Tokens } from '../../src/throttle/throttle-budget.ts';
import { TokenQueue } from '../../src/throttle/token-queue.ts';

const rows = (owner: string, count: number, more: Tokens = {}) => ({ owner, cost: { rows: count, ...more } });

test('a request waits until it can be served whole', () => {
  const queue = new TokenQueue();
  queue.add(rows('a', 500));
  queue.credit({ rows: 300 });
  expect(queue.serve({ rows: 100 })).toEqual([]);
  expect(queue.missing({ rows: 100 })).toEqual({ rows: 200 });
  queue.credit({ rows: 200 });
  expect(queue.serve({ rows: 100 })).toHaveLength(1);
  expect(queue.missing({ rows: 100 })).toEqual({});
});

test('units without a limit are free', () => {
  const queue = new TokenQueue();
  queue.add(rows('a', 500, { statements: 1 }));
  expect(queue.missing({ statements: 5 })).toEqual({ statements: 1 });
  queue.credit({ statements: 1 });
  expect(queue.serve({ statements: 5 })).toHaveLength(1);
});

test('owners share by what they spend, not by how often they ask', () => {
  const queue = new TokenQueue();
  const spent = { large: 0, small: 0 };
  const ask = (owner: 'large' | 'small'): void => queue.add(rows(owner, owner === 'large' ? 100 : 10));
  ask('large');
  ask('small');
  for (let second = 0; second < 100; second++) {
    queue.credit({ rows: 50 });
    let served = queue.serve({ rows: 50 });
    while (served.length > 0) {
      for (const { owner, cost } of served) {
        spent[owner as 'large' | 'small'] += cost.rows ?? 0;
        ask(owner as 'large' | 'small');
      }
      served = queue.serve({ rows: 50 });
    }
  }
  expect(spent.large + spent.small).toBeGreaterThan(4_800);
  expect(Math.abs(spent.large - spent.small)).toBeLessThanOrEqual(200);
});

test('a newcomer starts level with the others', () => {
  const queue = new TokenQueue();
  for (let count = 0; count < 50; count++) {
    queue.add(rows('old', 10));
    queue.credit({ rows: 10 });
    queue.serve({ rows: 10 });
  }
  queue.add(rows('old', 10));
  queue.add(rows('new', 10));
  queue.credit({ rows: 20 });
  expect(
    queue
      .serve({ rows: 10 })
      .map(({ owner }) => owner)
      .toSorted(),
  ).toEqual(['new', 'old']);
});

test('what may not be served now keeps nobody waiting', () => {
  const queue = new TokenQueue<{ owner: string; cost: Tokens; isBatch: boolean }>();
  queue.add({ ...rows('a', 1), isBatch: true });
  queue.add({ ...rows('b', 1), isBatch: false });
  queue.credit({ rows: 2 });
  expect(queue.serve({ rows: 1 }, ({ isBatch }) => !isBatch).map(({ owner }) => owner)).toEqual(['b']);
  expect(queue.waiting.map(({ owner }) => owner)).toEqual(['a']);
});

test('tokens that nobody waits for are gone', () => {
  const queue = new TokenQueue();
  queue.credit({ rows: 100 });
  queue.expire();
  queue.add(rows('a', 1));
  expect(queue.serve({ rows: 1 })).toEqual([]);
});

test('who left waits for nothing', () => {
  const queue = new TokenQueue();
  queue.add(rows('a', 1));
  queue.leave('a');
  expect(queue.waiting).toEqual([]);
});
