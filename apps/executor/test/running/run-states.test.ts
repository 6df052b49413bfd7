import { describe, expect, test } from 'vitest';
import { moveRun, RUN_STATES, RUN_TRANSITIONS, type RunState } from '../../src/running/run-states.ts';

/** Every way from one state to another, and whether there is one. */
const WAYS = RUN_STATES.flatMap((from) =>
  RUN_STATES.map((to): [RunState, RunState, boolean] => [from, to, RUN_TRANSITIONS[from].includes(to)]),
);

describe('a run', () => {
  test.each(WAYS.filter(([, , isWay]) => isWay))('that is %s can become %s', (from, to) => {
    const run = { state: from, claimed: { id: '7' } };
    moveRun(run, to);
    expect(run.state).toBe(to);
  });

  test.each(WAYS.filter(([, , isWay]) => !isWay))('that is %s can’t become %s', (from, to) => {
    const run = { state: from, claimed: { id: '7' } };
    expect(() => moveRun(run, to)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(run.state).toBe(from);
  });

  test('comes to its end from every state', () => {
    const reached = new Set<RunState>(['settled']);
    for (const _ of RUN_STATES) {
      for (const from of RUN_STATES) if (RUN_TRANSITIONS[from].some((to) => reached.has(to))) reached.add(from);
    }
    expect([...reached].toSorted()).toEqual([...RUN_STATES].toSorted());
  });
});
