import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimulatedNode } from '../fixtures/simulated-node.ts';

/** What a node has when all has come to its end: nothing, with all of its slots and places free. */
const NOTHING = { running: [], known: [], slots: [0, 4, 4], claims: 0, searches: 0 };

const steps = fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { minLength: 1, maxLength: 800, size: 'max' });

describe('whatever happens in whatever order', () => {
  // Seen to fail with claims that are not waited for, and with a slot that is freed twice.
  test('no more slots are used than there are, each run ends once, nothing known is freed and nothing unknown is kept', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const node = new SimulatedNode();
        for (const [which, pick] of all) node.step(which, pick);
        node.runOut();
        expect(node.left()).toEqual(NOTHING);
      }),
      { numRuns: 300 },
    );
  });

  test.each(['shutdown', 'lost-lease'] as const)('also with a %s in the middle of it', (reason) => {
    fc.assert(
      fc.property(steps, fc.nat(400), (all, at) => {
        const node = new SimulatedNode();
        for (const [index, [which, pick]] of all.entries()) {
          if (index === at) node.abortAll(reason);
          node.step(which, pick);
        }
        node.runOut();
        expect(node.left()).toEqual(NOTHING);
      }),
      { numRuns: 100 },
    );
  });
});
