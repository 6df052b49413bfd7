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

const define = (tickIntervalMs?: number) =>
  defineTaskType({
    type: 'toy',
    version: '1.0.0',
    meta,
    steps: ['work'],
    scheduler: {
      planStep: () => [],
      onTick: () => Promise.resolve(),
      ...(tickIntervalMs === undefined ? {} : { tickIntervalMs }),
    },
    executor: { getStepExecutor: () => ({ runSubtask: () => Promise.resolve() }) },
  });

test.each([undefined, 100, 10_000, 3_600_000])('an interval of %s is taken', (interval) => {
  expect(define(interval).scheduler.tickIntervalMs).toBe(interval);
  expect(define(interval).hooks).toContain('scheduler.onTick');
});

test.each([0, 99, -1, 3_600_001, Infinity, NaN])('an interval of %s is refused', (interval) => {
  expect(() => define(interval)).toThrow(/tickIntervalMs .* of toy: expected 100 to 3,600,000 milliseconds/);
});
