import { expect, test } from 'vitest';
import { ProgressMeter } from '../../src/worker/progress-meter.ts';

const amounts = (rows: number): { rows: number; bytes: number } => ({ rows, bytes: rows * 10 });

type Step = (meter: ProgressMeter) => void;
const add =
  (rows: number): Step =>
  (meter) =>
    meter.add(amounts(rows));
const save: Step = (meter) => meter.keep(meter.counted);
const begin: Step = (meter) => meter.beginBatch();
const commit: Step = (meter) => meter.endBatch(true);
const fail: Step = (meter) => meter.endBatch(false);

test.each<readonly [string, readonly Step[], counted: number, kept: number]>([
  ['nothing is done', [], 7, 7],
  ['work without a checkpoint', [add(3)], 10, 7],
  ['work before a checkpoint', [add(3), save], 10, 10],
  ['work after a checkpoint', [add(3), save, add(1)], 11, 10],
  ['what a batch counts within itself', [begin, add(3), commit], 10, 10],
  ['what a batch counts when it is over', [begin, commit, add(3)], 10, 10],
  ['a batch that is under way', [begin, add(3)], 10, 7],
  ['what was counted before a batch that is under way', [begin, commit, add(3), begin, add(1)], 11, 10],
  ['a batch that fails, which is taken back', [begin, commit, add(3), begin, add(1), fail], 10, 10],
  ['a batch that is tried again', [begin, add(3), fail, begin, add(2), commit], 9, 9],
  ['batches side by side, of which one fails', [begin, begin, add(3), fail, commit], 10, 10],
])('an attempt that begins with 7 rows leaves to the next one: %s', (_, steps, counted, kept) => {
  const meter = new ProgressMeter(amounts(7));
  for (const step of steps) step(meter);
  expect(meter.counted).toEqual(amounts(counted));
  expect(meter.kept).toEqual(amounts(kept));
});

test('an attempt that goes on from somewhere has nothing to report at first', () => {
  expect(new ProgressMeter(amounts(7)).takeChange()).toBe(false);
});
