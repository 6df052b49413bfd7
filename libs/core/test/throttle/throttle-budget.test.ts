import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullBudget, leaseTokens, type TokenBudget } from '../../src/throttle/throttle-budget.ts';

/** Nodes that ask every so often for all that they could spend, on a clock of the test's own. */
function simulate(
  perSecond: number,
  nodes: readonly {
    readonly name: string;
    readonly wanted: number;
    readonly everyMs: number;
    readonly fromMs?: number;
  }[],
  untilMs: number,
): { readonly grants: readonly { readonly node: string; readonly atMs: number; readonly granted: number }[] } {
  let budget: TokenBudget = fullBudget(perSecond, 0);
  const grants = [];
  for (let atMs = 0; atMs < untilMs; atMs += 10) {
    for (const { name, wanted, everyMs, fromMs = 0 } of nodes) {
      if (atMs < fromMs || (atMs - fromMs) % everyMs !== 0) continue;
      const lease = leaseTokens(budget, perSecond, name, wanted, atMs);
      budget = lease.budget;
      grants.push({ node: name, atMs, granted: lease.granted });
    }
  }
  return { grants };
}

const total = (grants: readonly { readonly granted: number }[]): number =>
  grants.reduce((sum, { granted }) => sum + granted, 0);

test('a node that is alone gets the whole budget', () => {
  const { grants } = simulate(1_000, [{ name: 'a', wanted: 5_000, everyMs: 250 }], 10_000);
  expect(total(grants)).toBeGreaterThan(9_500);
});

test('nodes that want more than there is get equal shares', () => {
  const { grants } = simulate(
    900,
    ['a', 'b', 'c'].map((name, i) => ({ name, wanted: 1_000 * (i + 1), everyMs: 250, fromMs: i * 30 })),
    20_000,
  );
  // The first second is a burst that goes to whoever came first.
  const later = grants.filter(({ atMs }) => atMs > 2_000);
  for (const name of ['a', 'b', 'c']) {
    const share = total(later.filter(({ node }) => node === name)) / total(later);
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.37);
  }
});

test('who wants little gets it, and the others share the rest', () => {
  const nodes = [
    { name: 'small', wanted: 25, everyMs: 250 },
    { name: 'large', wanted: 5_000, everyMs: 250, fromMs: 20 },
  ];
  const later = simulate(1_000, nodes, 20_000).grants.filter(({ atMs }) => atMs > 2_000);
  expect(total(later.filter(({ node }) => node === 'small')) / 18).toBeGreaterThan(95);
  expect(total(later.filter(({ node }) => node === 'large')) / 18).toBeGreaterThan(850);
});

test('a node that went away is soon forgotten', () => {
  let budget = leaseTokens(fullBudget(100, 0), 100, 'gone', 1_000, 0).budget;
  let granted = 0;
  for (let atMs = 250; atMs <= 6_000; atMs += 250) {
    const lease = leaseTokens(budget, 100, 'stays', 1_000, atMs);
    budget = lease.budget;
    if (atMs > 3_000) granted += lease.granted;
  }
  expect(granted).toBeGreaterThan(280);
});

test('a change of the limit takes effect with the next lease', () => {
  const slow = leaseTokens(fullBudget(10, 0), 10, 'a', 1_000, 0);
  expect(slow.granted).toBe(10);
  expect(leaseTokens(slow.budget, 1_000, 'a', 1_000, 1_000).granted).toBe(1_000);
  expect(leaseTokens(slow.budget, 0, 'a', 1_000, 1_000).granted).toBe(0);
});

test('whoever asks whenever: no second gives out more than the budget and one burst', () => {
  const node = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    wanted: fc.integer({ min: 0, max: 10_000 }),
    everyMs: fc.constantFrom(10, 50, 250, 1_000, 1_700),
    fromMs: fc.constantFrom(0, 10, 500, 3_000),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.uniqueArray(node, { minLength: 1, maxLength: 4, selector: ({ name }) => name }),
      (perSecond, nodes) => {
        const { grants } = simulate(perSecond, nodes, 6_000);
        for (const { granted } of grants) expect(granted).toBeGreaterThanOrEqual(0);
        for (let fromMs = 0; fromMs < 6_000; fromMs += 500) {
          const within = total(grants.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1_000));
          expect(within).toBeLessThanOrEqual(perSecond * 2 + 1e-6);
        }
        expect(total(grants)).toBeLessThanOrEqual(perSecond * 7 + 1e-6);
      },
    ),
  );
});

test('a clock that goes back gives out nothing twice', () => {
  const first = leaseTokens(fullBudget(100, 10_000), 100, 'a', 100, 10_000);
  expect(leaseTokens(first.budget, 100, 'b', 100, 9_000).granted).toBe(0);
});
