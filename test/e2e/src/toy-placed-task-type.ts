import { setTimeout as wait } from 'node:timers/promises';
import { defineTaskType, TaskTypeError, type PlannedSubtask } from '@longshore/sdk';
import { z } from 'zod';

const meta = z.strictObject({
  /** It runs on nodes with this label. */
  label: z.string(),
  /** Where a node has this label, it can't say where it runs. Default: it always can. */
  trap: z.string().optional(),
  subtasks: z.int().min(1).default(6),
  /** How long each takes, in milliseconds. */
  sleepMs: z.int().min(0).default(10),
});

/** A toy that names the nodes it runs on by their ids: a node that joins is none of them until it is asked again. */
export default defineTaskType<z.output<typeof meta>>({
  type: 'toy-placed',
  version: '1.0.0',
  description: 'Sleeping subtasks on nodes with a label.',
  meta,
  steps: ['sleep'],
  defaults: { slots: 1, retry: { initialMs: 10, maxFailures: 3 } },
  scheduler: {
    async eligibleNodes({ task, nodes }) {
      const { label, trap } = task.meta;
      if (trap !== undefined && nodes.some((node) => node.labels[trap] !== undefined))
        throw new TaskTypeError('TOY_PLACE', `a node has the label ${trap}`);
      return Promise.resolve({ nodeIds: nodes.filter((node) => node.labels[label] !== undefined).map(({ id }) => id) });
    },
    *planStep({ task }): Generator<PlannedSubtask> {
      for (let index = 1; index <= task.meta.subtasks; index++) yield { meta: { index } };
    },
  },
  executor: {
    getStepExecutor: () => ({
      async runSubtask({ task, signal }) {
        await wait(task.meta.sleepMs, undefined, { signal });
      },
    }),
  },
});
