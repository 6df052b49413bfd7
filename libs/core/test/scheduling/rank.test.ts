import fc from 'fast-check';
import { expect, test } from 'vitest';
import { taskId } from '../../src/data/ids.ts';
import { compareRank, type Ranked } from '../../src/scheduling/rank.ts';

const ranked = (priority: number, createdAtMs: number, id: string): Ranked => ({
  id: taskId(id),
  priority,
  createdAtMs,
});

test.each([
  ['a lower priority number goes first', ranked(1, 9, '9'), ranked(2, 1, '1')],
  ['then the one submitted earlier', ranked(5, 1, '9'), ranked(5, 2, '1')],
  ['then the one with the smaller id', ranked(5, 1, '1'), ranked(5, 1, '2')],
  ['ids are compared as numbers, not as text', ranked(5, 1, '9'), ranked(5, 1, '10')],
  ['ids beyond 2^53 keep their digits', ranked(5, 1, '9007199254740992'), ranked(5, 1, '9007199254740993')],
])('%s', (_, first, second) => {
  expect(compareRank(first, second)).toBeLessThan(0);
  expect(compareRank(second, first)).toBeGreaterThan(0);
});

test('a task ranks equal to itself only, and sorting does not depend on the order before', () => {
  const tasks = fc.uniqueArray(
    fc.record({
      id: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map((id) => taskId(String(id))),
      priority: fc.integer({ min: 1, max: 4 }),
      createdAtMs: fc.integer({ min: 0, max: 3 }),
    }),
    { selector: (task) => task.id, maxLength: 12 },
  );
  fc.assert(
    fc.property(tasks, (some) => {
      for (const task of some) expect(compareRank(task, task)).toBe(0);
      expect(some.toReversed().toSorted(compareRank)).toEqual(some.toSorted(compareRank));
    }),
  );
});
