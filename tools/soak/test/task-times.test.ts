import { expect, it } from 'vitest';
import { TaskTimes } from '../src/task-times.ts';

it("compares a task's time, without the faults that it lived through, with the undisturbed median of its kind", () => {
  const times = new TaskTimes();
  times.note('import', '1', 0, 4_000);
  times.endQuiet();
  times.noteFault(12_000, 18_000, []);
  times.note('import', '2', 10_000, 36_000);
  expect(times.slowest(1)).toEqual([{ kind: 'import', taskId: '2', seconds: 26, factor: 5 }]);
});

it('leaves out tasks that a fault was about, and undisturbed ones', () => {
  const times = new TaskTimes();
  times.note('steps', '1', 0, 90_000);
  times.endQuiet();
  times.noteFault(0, 1_000, ['2']);
  times.note('steps', '2', 0, 90_000);
  expect(times.slowest(3)).toEqual([]);
  expect(times.count).toBe(2);
});

it('takes two seconds at least for the undisturbed time, also of a kind that had none', () => {
  const times = new TaskTimes();
  times.note('steps', '1', 0, 100);
  times.endQuiet();
  times.note('steps', '2', 0, 4_000);
  times.note('backfill', '3', 0, 8_000);
  expect(times.slowest(2).map((one) => one.factor)).toEqual([4, 2]);
});
