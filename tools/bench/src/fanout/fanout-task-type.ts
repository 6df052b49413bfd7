import { defineTaskType } from '@longshore/sdk';
import { z } from 'zod';

/** A step of many subtasks that do nothing, then one of a single subtask: the shape of a fan-out with a join. */
export default defineTaskType({
  type: 'fanout',
  version: '1.0.0',
  meta: z.strictObject({ subtasks: z.int().min(0) }),
  steps: ['fan', 'join'],
  defaults: { slots: 2 },
  scheduler: {
    *planStep(context, step) {
      const count = step === 'fan' ? context.task.meta.subtasks : 1;
      for (let index = 0; index < count; index++) yield { meta: null };
    },
  },
  executor: {
    getStepExecutor: () => ({ runSubtask: () => Promise.resolve() }),
  },
});
