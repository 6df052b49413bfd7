import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import {
  defineTaskType,
  stopReason,
  TaskTypeError,
  type PlannedSubtask,
  type SubtaskContext,
  type TaskType,
} from '@longshore/sdk';
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
  /** A file into which each run of a subtask writes a line when it starts and when it ends. Default: none. */
  runsFile: z.string().optional(),
  /** Ordinals that end their worker thread in the middle of their first attempt. */
  exitOnce: z.array(z.int()).default([]),
  /** Rows that each subtask asks its task's budget for before it works. */
  costRows: z.int().min(0).default(0),
  /** Ordinals that use more memory than their slots buy in their first attempt. */
  overflowOnce: z.array(z.int()).default([]),
});

type ToyMeta = z.output<typeof meta>;

/** What sets the toy types apart. */
export interface ToyOptions {
  readonly type: string;
  /** Whether the subtasks of the first step may be run again. */
  readonly isIdempotent: boolean;
}

/** A task type without effects, for tests: sleeping subtasks, then one that counts them. */
export function defineToy({ type, isIdempotent }: ToyOptions): TaskType<ToyMeta, undefined> {
  return defineTaskType<ToyMeta>({
    type,
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
      isIdempotent: (step) => isIdempotent || step !== 'sleep',
      getStepExecutor: (step) => ({ runSubtask: (context) => (step === 'count' ? count(context) : sleep(context)) }),
    },
  });
}

async function count(context: SubtaskContext<ToyMeta, undefined>): Promise<number> {
  let counted = 0;
  for await (const _ of context.previousSubtasks('sleep')) counted += 1;
  return counted;
}

async function sleep(context: SubtaskContext<ToyMeta, undefined>): Promise<{ ordinal: number }> {
  const { sleepMs, failOnce, failAlways, exitOnce, overflowOnce, costRows } = context.task.meta;
  const { ordinal } = context.subtask;
  const isFirst = context.attempt === 1;
  note(context, 'start');
  if (failAlways.includes(ordinal)) throw new TaskTypeError('TOY_FAILED', `subtask ${ordinal} was told to fail`);
  if (failOnce.includes(ordinal) && isFirst) throw new Error(`subtask ${ordinal} was told to fail once`);
  if (exitOnce.includes(ordinal) && isFirst) process.exit(3);
  if (overflowOnce.includes(ordinal) && isFirst) overflow();
  await context.throttle.beforeBatch({ rows: costRows, statements: 1 });
  await wait(sleepMs, undefined, { signal: context.signal }).catch(() => {
    throw new Error(`stopped: ${stopReason(context.signal) ?? 'no reason'}`);
  });
  context.progress.add({ rows: 1 });
  note(context, 'end');
  return { ordinal };
}

/** One line, appended by one write, so that lines of several processes don't mix. */
function note(context: SubtaskContext<ToyMeta, undefined>, what: 'start' | 'end'): void {
  const { runsFile } = context.task.meta;
  if (runsFile === undefined) return;
  appendFileSync(runsFile, `${context.task.id} ${context.subtask.ordinal} ${context.attempt} ${what}\n`);
}

function overflow(): never {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(100_000).fill(kept.length));
}
