import { expect, test } from 'vitest';
import { defineTaskType, type MetaSchema } from '../src/index.ts';

const meta: MetaSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({}), output: () => ({}) },
  },
};

const define = (maxSubtasksPerStep?: number) =>
  defineTaskType({
    type: 'toy',
    version: '1.0.0',
    meta,
    steps: ['work'],
    ...(maxSubtasksPerStep === undefined ? {} : { maxSubtasksPerStep }),
    scheduler: { planStep: () => [] },
    executor: { getStepExecutor: () => ({ runSubtask: () => Promise.resolve() }) },
  });

test.each([undefined, 1, 1_000_000, 100_000_000])('a limit of %s subtasks is taken', (limit) => {
  expect(define(limit).maxSubtasksPerStep).toBe(limit);
});

test.each([0, -1, 1.5, 100_000_001, Infinity, NaN])('a limit of %s subtasks is refused', (limit) => {
  expect(() => define(limit)).toThrow(/maxSubtasksPerStep .* of toy: expected a whole number from 1 to 100000000/);
});
