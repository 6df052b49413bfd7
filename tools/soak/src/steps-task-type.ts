import { setTimeout as wait } from 'node:timers/promises';
import { defineTaskType } from '@longshore/sdk';
import { z } from 'zod';

/** Many small subtasks that only wait: what a fault costs here, it costs the cluster and no target. */
export default defineTaskType({
  type: 'soak-steps',
  version: '1.0.0',
  meta: z.strictObject({ subtasks: z.int().min(1), sleepMs: z.int().min(0) }),
  steps: ['first', 'second'],
  defaults: { slots: 2, slotsPerSubtask: 1 },
  scheduler: {
    *planStep(context) {
      for (let index = 0; index < context.task.meta.subtasks; index++) yield { meta: null };
    },
  },
  executor: {
    getStepExecutor: (_step, task) => ({
      runSubtask: (context) => wait(task.meta.sleepMs, undefined, { signal: context.signal }),
    }),
  },
});
