import { setTimeout as wait } from 'node:timers/promises';
import { defineTaskType, stopReason, TaskTypeError, type PlannedSubtask } from '@longshore/sdk';
import { z } from 'zod';

const meta = z.strictObject({
  /** Subtasks of the first step. */
  subtasks: z.int().min(0).max(1_000_000).default(4),
  /** How long each takes, in milliseconds. */
  sleepMs: z.int().min(0).max(600_000).default(10),
  /** How long planning one subtask takes, in milliseconds. */
  planMs: z.int().min(0).default(0),
  /** Ordinals whose first attempts fail with a transient error. */
  failOnce: z.array(z.int()).default([]),
  /** Ordinals that fail for good. */
  failAlways: z.array(z.int()).default([]),
  /** Hooks that throw. */
  failHooks: z.array(z.string()).default([]),
});

type ToyMeta = z.output<typeof meta>;

/** A task type without effects, for tests: sleeping subtasks, then one that counts them. */
export default defineTaskType<ToyMeta>({
  type: 'toy',
  version: '1.0.0',
  description: 'Sleeping subtasks.',
  meta,
  steps: ['sleep', 'count'],
  defaults: { slots: 1, retry: { initialMs: 10, maxFailures: 3 } },
  scheduler: {
    async *planStep(context, step): AsyncGenerator<PlannedSubtask> {
      const { subtasks, planMs, failHooks } = context.task.meta;
      if (failHooks.includes('plan')) throw new TaskTypeError('TOY_PLAN', 'the plan was told to fail');
      const count = step === 'sleep' ? subtasks : 1;
      for (let index = 1; index <= count; index++) {
        if (planMs > 0) await wait(planMs, undefined, { signal: context.signal });
        yield { meta: { index }, rows: 1 };
      }
    },
    async onDone(context) {
      let total = 0;
      for await (const subtask of context.previousSubtasks('count')) total += Number(subtask.result);
      return { total };
    },
    async revert(context) {
      if (context.task.meta.failHooks.includes('revert'))
        throw new TaskTypeError('TOY_REVERT', 'the revert was told to fail');
      await Promise.resolve();
    },
    async cleanUp() {
      await Promise.resolve();
    },
  },
  executor: {
    isIdempotent: () => true,
    getStepExecutor: (step) => ({
      async runSubtask(context) {
        if (step === 'count') {
          let count = 0;
          for await (const _ of context.previousSubtasks('sleep')) count += 1;
          return count;
        }
        const { sleepMs, failOnce, failAlways } = context.task.meta;
        const { ordinal } = context.subtask;
        if (failAlways.includes(ordinal)) throw new TaskTypeError('TOY_FAILED', `subtask ${ordinal} was told to fail`);
        if (failOnce.includes(ordinal) && context.attempt === 1)
          throw new Error(`subtask ${ordinal} was told to fail once`);
        await wait(sleepMs, undefined, { signal: context.signal }).catch(() => {
          throw new Error(`stopped: ${stopReason(context.signal) ?? 'no reason'}`);
        });
        context.progress.add({ rows: 1 });
        return { ordinal };
      },
    }),
  },
});
