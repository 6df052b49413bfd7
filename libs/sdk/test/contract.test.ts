import { expect, test } from 'vitest';
import { defineTaskType, type MetaSchema, type SchedulerExtension } from '../src/index.ts';

const meta: MetaSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({}), output: () => ({}) },
  },
};
const least = {
  type: 'toy',
  version: '1.0.0',
  meta,
  steps: ['work'],
  scheduler: { planStep: () => [] },
  executor: { getStepExecutor: () => ({ runSubtask: () => Promise.resolve() }) },
};

/** A scheduler extension as an object of a class. */
class Planning implements SchedulerExtension {
  planStep(): [] {
    return [];
  }
  revert(): Promise<void> {
    return Promise.resolve();
  }
}

test.each([
  ['nothing optional', least, []],
  [
    'hooks of both extensions',
    {
      ...least,
      scheduler: { ...least.scheduler, prepare: () => Promise.resolve(), isRetryableError: () => true },
      executor: { ...least.executor, isIdempotent: () => false },
    },
    ['scheduler.prepare', 'scheduler.isRetryableError', 'executor.isIdempotent'],
  ],
  ['connections and settings', { ...least, connections: () => ['main'], settings: meta }, ['connections', 'settings']],
  ['a hook of a class', { ...least, scheduler: new Planning() }, ['scheduler.revert']],
])('a type with %s says which optional hooks it uses', (_, definition, hooks) => {
  expect(defineTaskType(definition)).toMatchObject({ kind: 'longshore.task-type', contract: 1, hooks });
});
