import { defineTaskType, stopReason } from '@longshore/sdk';
import { z } from 'zod';

/** Subtasks that run until they are stopped, and a plan of as many as wanted. */
export default defineTaskType({
  type: 'cancel-me',
  version: '1.0.0',
  meta: z.strictObject({ subtasks: z.int().min(1) }),
  steps: ['work'],
  defaults: { slots: 1 },
  scheduler: {
    *planStep(context) {
      for (let index = 0; index < context.task.meta.subtasks; index++) yield { meta: null };
    },
  },
  executor: {
    getStepExecutor: () => ({
      runSubtask: ({ signal }) =>
        new Promise<never>((_, reject) => {
          const stop = (): void => reject(new Error(`stopped: ${stopReason(signal) ?? 'no reason'}`));
          if (signal.aborted) stop();
          else signal.addEventListener('abort', stop, { once: true });
        }),
    }),
  },
});
