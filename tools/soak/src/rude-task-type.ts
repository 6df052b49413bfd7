import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { defineTaskType, type JsonValue, type SubtaskContext } from '@longshore/sdk';
import { z } from 'zod';

/** Milliseconds for which `block` keeps its thread. */
const BLOCK_MS = 1_000;

function nested(levels: number): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < levels; level += 1) value = { in: value };
  return value;
}

/** What a plugin's code can do wrong. Each costs its own task alone. */
const BEHAVIOURS = {
  'count-nan': ({ progress }) => progress.add({ rows: Number.NaN }),
  'return-nested': () => nested(2_000),
  'post-nonsense': ({ signal }) => {
    parentPort?.postMessage({ kind: 'settled', ends: null });
    return once(signal, 'abort');
  },
  'log-much': ({ logger }) => {
    for (let line = 0; line < 20_000; line += 1) logger.info('x'.repeat(1_000), { line });
  },
  'change-globals': () => void Object.assign(Array.prototype, { last: 7 }),
  leave: () => process.exit(3),
  grow: async () => {
    const kept: unknown[] = [];
    for (;;) {
      kept.push(Array.from({ length: 50_000 }, (_, index) => ({ index })));
      await wait(1);
    }
  },
  block: () => {
    for (const until = performance.now() + BLOCK_MS; performance.now() < until;);
  },
  // Also when it is told to stop.
  hang: () => new Promise(() => undefined),
} satisfies Readonly<Record<string, (context: SubtaskContext) => unknown>>;

export type RudeBehaviour = keyof typeof BEHAVIOURS;

/** A plugin that does what its meta asks for. */
export default defineTaskType({
  type: 'soak-rude',
  version: '1.0.0',
  meta: z.strictObject({
    does: z.enum(Object.keys(BEHAVIOURS) as [RudeBehaviour, ...RudeBehaviour[]]),
    // A check of it that goes back and forth takes for ever.
    name: z
      .string()
      .regex(/^([a-z0-9]+-?)+$/)
      .optional(),
  }),
  steps: ['work'],
  defaults: { slots: 1, slotsPerSubtask: 1 },
  scheduler: {
    *planStep() {
      yield { meta: null };
    },
  },
  executor: {
    getStepExecutor: (_step, task) => ({
      runSubtask: async (context) => ((await BEHAVIOURS[task.meta.does](context)) ?? null) as JsonValue,
    }),
  },
});
