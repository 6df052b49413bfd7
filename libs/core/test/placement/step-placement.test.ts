import { describe, expect, test } from 'vitest';
import { needsPlacement, placementInForce, type PlacingTask } from '../../src/placement/step-placement.ts';

const ON_A = { nodeIds: ['a'] };

function task(changes: Partial<PlacingTask> = {}): PlacingTask {
  return {
    step: 'load',
    controls: [],
    hasPending: true,
    hasRunning: false,
    stepPlacement: { placement: ON_A, placedFor: 'a b' },
    ...changes,
  };
}

/** Snapshots in which no work of the current step is left. */
const OVER: [string, Partial<PlacingTask>][] = [
  ['nothing is left of its step', { hasPending: false }],
  ['it has no step', { step: null }],
  ['the next step is being planned', { controls: [{ kind: 'plan' }] }],
  ['it is being finished', { controls: [{ kind: 'finish' }] }],
];

describe('the placement of the current step', () => {
  test('holds while work of it is left', () => {
    expect(placementInForce(task())).toEqual(ON_A);
    expect(placementInForce(task({ hasPending: false, hasRunning: true }))).toEqual(ON_A);
    expect(placementInForce(task({ stepPlacement: null }))).toBeNull();
  });

  test.each(OVER)('does not hold when %s', (_, changes) => {
    expect(placementInForce(task(changes))).toBeNull();
  });
});

describe('a type with eligibleNodes', () => {
  const type = { hooks: ['eligibleNodes'] };

  test('is asked anew when the membership is another', () => {
    expect(needsPlacement(task(), type, () => 'a b')).toBe(false);
    expect(needsPlacement(task(), type, () => 'a b c')).toBe(true);
  });

  test('is asked of a step that was planned before it had the hook', () => {
    expect(needsPlacement(task({ stepPlacement: { placement: null, placedFor: null } }), type, () => 'a')).toBe(true);
  });

  test.each(OVER)('is not asked when %s', (_, changes) => {
    expect(needsPlacement(task(changes), type, () => 'a b c')).toBe(false);
  });
});

test('a type without the hook is never asked', () => {
  expect(needsPlacement(task(), { hooks: ['onDone'] }, () => 'a b c')).toBe(false);
});
