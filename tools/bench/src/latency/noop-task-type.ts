import { defineTaskType } from '@longshore/sdk';
import { z } from 'zod';

/** Subtasks that do nothing but say when they were started, by this machine's clock in milliseconds. */
export default defineTaskType({
  type: 'noop',
  version: '1.0.0',
  meta: z.strictObject({ subtasks: z.int().min(0).default(1) }),
  steps: ['work'],
  defaults: { slots: 1 },
  scheduler: {
    *planStep(context) {
      for (let index = 0; index < context.task.meta.subtasks; index++) yield { meta: null };
    },
  },
  executor: {
    getStepExecutor: () => ({
      runSubtask: () => Promise.resolve(performance.timeOrigin + performance.now()),
    }),
  },
});
