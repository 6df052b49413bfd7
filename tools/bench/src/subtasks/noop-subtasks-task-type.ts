import { defineTaskType } from '@longshore/sdk';
import { z } from 'zod';

/** A step of subtasks that do nothing and return nothing: what is left is the cost of running them. */
export default defineTaskType({
  type: 'noop-subtasks',
  version: '1.0.0',
  meta: z.strictObject({ subtasks: z.int().min(0) }),
  steps: ['work'],
  defaults: { slots: 2 },
  scheduler: {
    *planStep(context) {
      for (let index = 0; index < context.task.meta.subtasks; index++) yield { meta: null };
    },
  },
  executor: {
    getStepExecutor: () => ({ runSubtask: () => Promise.resolve() }),
  },
});
