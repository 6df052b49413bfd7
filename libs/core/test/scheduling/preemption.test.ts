import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { taskId } from '../../src/data/ids.ts';
import { choosePreempted, type PreemptibleRun } from '../../src/scheduling/preemption.ts';
import { compareRank, type Ranked } from '../../src/scheduling/rank.ts';

const ranked = (id: number, priority: number): Ranked => ({ id: taskId(String(id)), priority, createdAtMs: id });

/** A task's only subtask, named after it. */
const run = (task: Ranked, slots: number, changes: Partial<PreemptibleRun> = {}): PreemptibleRun => ({
  id: task.id,
  task,
  slots,
  isIdempotent: true,
  startedAt: 0,
  ...changes,
});

describe('the published table of an executor with ten slots', () => {
  const total = 10;
  const [task1, task3, task4, task5] = [ranked(1, 11), ranked(3, 9), ranked(4, 11), ranked(5, 10)];
  const wants = (runs: readonly PreemptibleRun[], task: Ranked, slots: number): readonly string[] | null =>
    choosePreempted(runs, task, slots - (total - runs.reduce((sum, one) => sum + one.slots, 0)));
  const four = [run(task1, 1), run(task3, 1), run(task4, 1), run(task5, 1)];

  test.each<[string, readonly PreemptibleRun[], Ranked, number, readonly string[] | null]>([
    ['there is room', [], task1, 1, []],
    ['a lower rank takes nothing from a higher one', [run(task1, 1)], ranked(2, 11), 10, null],
    ['a higher rank takes what it lacks', [run(task1, 1)], ranked(2, 10), 10, ['1']],
    ['a small one fits beside', [run(task1, 1)], task3, 1, []],
    ['from the lowest rank upward, as few as do', four, ranked(6, 10), 8, ['4', '1']],
    ['not from those before it, so not at all', four, ranked(6, 10), 9, null],
    ['all of them, the lowest rank first', four, ranked(7, 8), 10, ['4', '1', '5', '3']],
  ])('%s', (_, runs, task, slots, freed) => {
    expect(wants(runs, task, slots)).toEqual(freed);
  });
});

test('what may not simply run again is never stopped', () => {
  const runs = [run(ranked(1, 900), 4, { isIdempotent: false }), run(ranked(2, 800), 4)];
  expect(choosePreempted(runs, ranked(3, 1), 4)).toEqual(['2']);
  expect(choosePreempted(runs, ranked(3, 1), 5)).toBeNull();
});

test('of one task the newest is stopped first', () => {
  const task = ranked(1, 900);
  const runs = [1, 3, 2].map((at) => run(task, 2, { id: `run ${at}`, startedAt: at }));
  expect(choosePreempted(runs, ranked(2, 1), 3)).toEqual(['run 3', 'run 2']);
});

test('whatever runs: only lower ranks give way, enough of them, and none too many', () => {
  const task = fc.record({ id: fc.integer({ min: 1, max: 30 }), priority: fc.integer({ min: 1, max: 4 }) });
  const runs = fc.array(fc.record({ task, slots: fc.integer({ min: 1, max: 8 }), isIdempotent: fc.boolean() }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(runs, task, fc.integer({ min: 0, max: 40 }), (drawn, candidate, missing) => {
      const all = drawn.map((one, index) =>
        run(ranked(one.task.id, one.task.priority), one.slots, {
          id: String(index),
          isIdempotent: one.isIdempotent,
          startedAt: index,
        }),
      );
      const wanting = ranked(candidate.id + 100, candidate.priority);
      const chosen = choosePreempted(all, wanting, missing);
      const lower = all.filter((one) => one.isIdempotent && compareRank(wanting, one.task) < 0);
      if (chosen === null) {
        expect(lower.reduce((sum, one) => sum + one.slots, 0)).toBeLessThan(missing);
        return;
      }
      const slots = chosen.map((id) => lower.find((one) => one.id === id)!.slots);
      expect(slots.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(missing);
      // Without the last one it would not be enough.
      expect(slots.slice(0, -1).reduce((sum, one) => sum + one, 0)).toBeLessThan(Math.max(1, missing));
    }),
  );
});
