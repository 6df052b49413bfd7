import { appendFileSync, existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import {
  defineTaskType,
  stopReason,
  SummaryCounters,
  TaskTypeError,
  type HookContext,
  type PlannedSubtask,
  type Prepared,
  type StepExecutor,
  type SubtaskContext,
  type SubtaskResource,
  type TaskType,
} from '@longshore/sdk';
import { z } from 'zod';
import { passLatch } from './latch.ts';

const meta = z.strictObject({
  /** Subtasks of the first step. */
  subtasks: z.int().min(0).max(1_000_000).default(4),
  /** How long each takes, in milliseconds; may be modified while it runs. */
  sleepMs: z.int().min(0).max(600_000).default(10),
  /** Latches that subtasks of the first step wait for when they have started: the first attempt for the first one, and so on. */
  latches: z.array(z.string()).default([]),
  /** The first ordinal that waits for them. */
  latchesFrom: z.int().min(1).default(1),
  /** Parts that a subtask sleeps in turn, with a checkpoint after each. */
  parts: z.int().min(1).max(1_000).default(1),
  /** Rows that each part counts before its checkpoint. */
  partRows: z.int().min(0).default(0),
  /** How long planning one subtask takes, in milliseconds. */
  planMs: z.int().min(0).default(0),
  /** A latch that the first step's plan waits for when it has planned this many subtasks. Default: none. */
  planLatch: z.strictObject({ path: z.string(), after: z.int().min(0) }).optional(),
  /** Ordinals whose first attempts fail with a transient error. */
  failOnce: z.array(z.int()).default([]),
  /** Ordinals that fail for good. */
  failAlways: z.array(z.int()).default([]),
  /** Hooks that throw. */
  failHooks: z.array(z.string()).default([]),
  /** Hooks that never end, whatever they are asked; not where the fixed file is there. */
  hangHooks: z.array(z.string()).default([]),
  /** Steps that `failHooks: ["plan"]` is about. Default: all. */
  failPlanOf: z.array(z.string()).default(['sleep', 'count']),
  /** Whether the first step's executor can't be initialised. */
  failInit: z.boolean().default(false),
  /** Ordinals that fail for good when they have slept. */
  failAtEnd: z.array(z.int()).default([]),
  /** Code of the error of `failAlways`. */
  failCode: z.string().default('TOY_FAILED'),
  /** A file whose presence makes `failAlways` and failing hooks succeed. */
  fixedFile: z.string().optional(),
  /** A latch that `onDone` and `revert` wait for when they have done their part. Default: none. */
  hookLatch: z.string().optional(),
  /** What `prepare` asks for, where the type has it. */
  prepared: z.record(z.string(), z.int()).default({}),
  /** A file into which each run of a subtask writes a line when it starts and when it ends. Default: none. */
  runsFile: z.string().optional(),
  /** Whether the first step's executors write there too when they are cleaned up. */
  notesCleanUp: z.boolean().default(false),
  /** Ordinals that end their worker thread in the middle of their first attempt. */
  exitOnce: z.array(z.int()).default([]),
  /** How many attempts of an ordinal kill their process, by the ordinal. */
  killsIn: z.record(z.string(), z.int()).default({}),
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
  /** Whether it has a `prepare` hook. Default false. */
  readonly hasPrepare?: boolean;
  /** Whether it has `onTick`, which writes `tick-on-NODE` into the file of runs; its clean-up writes there too then. Default false. */
  readonly hasTick?: boolean;
  /** What it runs in. Default `thread`. */
  readonly runner?: 'thread' | 'process';
}

/** A task type without effects, for tests: sleeping subtasks, then one that counts them. */
export function defineToy({
  type,
  isIdempotent,
  hasPrepare = false,
  hasTick = false,
  runner,
}: ToyOptions): TaskType<ToyMeta, undefined> {
  return defineTaskType<ToyMeta>({
    type,
    version: '1.0.0',
    description: 'Sleeping subtasks.',
    meta,
    steps: ['sleep', 'count'],
    ...(runner === undefined ? {} : { runner }),
    defaults: { slots: 1, retry: { initialMs: 10, maxFailures: 3 }, pauseOn: ['TOY_DISK_FULL'] },
    scheduler: {
      ...(hasPrepare ? { prepare: ({ task }) => Promise.resolve(task.meta.prepared as Prepared<ToyMeta>) } : {}),
      ...(hasTick ? { onTick: tick, tickIntervalMs: 100 } : {}),
      async *planStep(context, step): AsyncGenerator<PlannedSubtask> {
        const { subtasks, planMs, planLatch, failPlanOf } = context.task.meta;
        if (failPlanOf.includes(step)) failHook(context, 'plan');
        await hangHook(context, 'plan');
        const count = step === 'sleep' ? subtasks : 1;
        for (let index = 1; index <= count; index++) {
          if (step === 'sleep' && index - 1 === planLatch?.after) await passLatch(planLatch.path, context.signal);
          if (planMs > 0) await wait(planMs, undefined, { signal: context.signal });
          yield { meta: { index }, rows: 1 };
        }
      },
      async onDone(context) {
        failHook(context, 'finish');
        await noteHook(context, 'finish');
        let total = 0;
        for await (const subtask of context.previousSubtasks('count')) total += Number(subtask.result);
        return { total };
      },
      async revert(context) {
        failHook(context, 'revert');
        await hangHook(context, 'revert');
        await noteHook(context, 'revert');
      },
      modifyMeta(context, changes) {
        const { sleepMs, ...others } = changes;
        const [other] = Object.keys(others);
        if (other !== undefined) throw new TaskTypeError('TOY_FIXED', `${other} can't be changed; only sleepMs can`);
        return Promise.resolve({ ...context.task.meta, sleepMs: sleepMs as number });
      },
      async cleanUp(context) {
        failHook(context, 'clean');
        await hangHook(context, 'clean');
        if (hasTick) await noteHook(context, 'clean');
      },
    },
    executor: {
      isIdempotent: (step) => isIdempotent || step !== 'sleep',
      getStepExecutor: (step) => (step === 'count' ? { runSubtask: count } : new Sleeper()),
    },
  });
}

async function count(context: SubtaskContext<ToyMeta, undefined>): Promise<number> {
  note(context, `counts-with-${context.resource.slots}`);
  let counted = 0;
  for await (const _ of context.previousSubtasks('sleep')) counted += 1;
  return counted;
}

/** A hook that was told to fail does, until its file is there. */
function failHook({ task }: HookContext<ToyMeta, undefined>, hook: string): void {
  if (!task.meta.failHooks.includes(hook) || isFixed(task.meta)) return;
  throw new TaskTypeError(`TOY_${hook.toUpperCase()}`, `the ${hook} was told to fail`);
}

/** A hook that was told to hang doesn't listen either. */
async function hangHook({ task }: HookContext<ToyMeta, undefined>, hook: string): Promise<void> {
  if (!task.meta.hangHooks.includes(hook) || isFixed(task.meta)) return;
  await new Promise(() => undefined);
}

function isFixed({ fixedFile }: ToyMeta): boolean {
  return fixedFile !== undefined && existsSync(fixedFile);
}

/** Sleeps, and notes what it is told meanwhile. */
class Sleeper implements StepExecutor<ToyMeta, undefined> {
  #sleepMs: number | null = null;
  readonly #counters = new SummaryCounters();
  /** `naps`: parts that it has slept. */
  readonly realtimeSummary = this.#counters.hooks.realtimeSummary;
  readonly resetSummary = this.#counters.hooks.resetSummary;
  readonly #running = new Set<SubtaskContext<ToyMeta, undefined>>();
  #opened: HookContext<ToyMeta, undefined> | null = null;

  init(context: HookContext<ToyMeta, undefined>): Promise<void> {
    const { task } = context;
    this.#opened = context;
    return task.meta.failInit
      ? Promise.reject(new TaskTypeError('TOY_INIT', 'the step was told not to start'))
      : Promise.resolve();
  }

  async runSubtask(context: SubtaskContext<ToyMeta, undefined>): Promise<{ ordinal: number; slots: number }> {
    const { failOnce, failAlways, failAtEnd, failCode, exitOnce, overflowOnce, costRows } = context.task.meta;
    const { parts, partRows } = context.task.meta;
    const { latches, latchesFrom } = context.task.meta;
    const { ordinal } = context.subtask;
    const isFirst = context.attempt === 1;
    note(context, 'start');
    note(context, `has-${context.resource.slots}`);
    this.#running.add(context);
    try {
      if (failAlways.includes(ordinal) && !isFixed(context.task.meta)) {
        throw new TaskTypeError(failCode, `subtask ${ordinal} was told to fail`);
      }
      if (failOnce.includes(ordinal) && isFirst) throw new Error(`subtask ${ordinal} was told to fail once`);
      if (exitOnce.includes(ordinal) && isFirst) process.exit(3);
      if (context.attempt <= (context.task.meta.killsIn[ordinal] ?? 0)) await killProcess(context);
      if (overflowOnce.includes(ordinal) && isFirst) overflow();
      if (ordinal >= latchesFrom) await passLatch(latches[context.attempt - 1], context.signal).catch(sayWhy(context));
      await context.throttle.beforeBatch({ rows: costRows, statements: 1 });
      for (let part = Number(context.checkpoint ?? 0) + 1; part <= parts; part++) {
        const sleepMs = this.#sleepMs ?? context.task.meta.sleepMs;
        await wait(sleepMs / parts, undefined, { signal: context.signal }).catch(sayWhy(context));
        note(context, `part-${part}`);
        this.#counters.add(context.subtask.id, { naps: 1 });
        context.progress.add({ rows: partRows });
        if (parts > 1) await context.saveCheckpoint(part);
      }
      if (failAtEnd.includes(ordinal)) throw new TaskTypeError(failCode, `subtask ${ordinal} was told to fail`);
    } finally {
      this.#running.delete(context);
    }
    context.progress.add({ rows: 1 });
    note(context, 'end');
    return { ordinal, slots: context.resource.slots };
  }

  taskMetaModified({ sleepMs }: ToyMeta): Promise<void> {
    this.#sleepMs = sleepMs;
    for (const context of this.#running) note(context, `sleepMs-${sleepMs}`);
    return Promise.resolve();
  }

  resourceModified({ slots }: SubtaskResource): Promise<void> {
    for (const context of this.#running) note(context, `slots-${slots}`);
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    const { task, nodeId } = this.#opened ?? {};
    if (task?.meta.runsFile !== undefined && task.meta.notesCleanUp) {
      appendFileSync(task.meta.runsFile, `${task.id} 0 0 cleaned-up-on-${nodeId}\n`);
    }
    return Promise.resolve();
  }
}

/** What a subtask throws whose wait was ended. */
const sayWhy =
  ({ signal }: SubtaskContext<ToyMeta, undefined>) =>
  (): never => {
    throw new Error(`stopped: ${stopReason(signal) ?? 'no reason'}`);
  };

async function tick(context: HookContext<ToyMeta, undefined>): Promise<void> {
  failHook(context, 'tick');
  const { task, attempt, nodeId } = context;
  if (task.meta.runsFile !== undefined)
    await appendFile(task.meta.runsFile, `${task.id} 0 ${attempt} tick-on-${nodeId}\n`);
}

/** Notes that a hook has done its part, and goes on until its latch is open. */
async function noteHook({ task, attempt, signal }: HookContext<ToyMeta, undefined>, hook: string): Promise<void> {
  const { runsFile, hookLatch } = task.meta;
  if (runsFile !== undefined) appendFileSync(runsFile, `${task.id} 0 ${attempt} ${hook}\n`);
  await passLatch(hookLatch, signal);
}

/** One line, appended by one write, so that lines of several processes don't mix. */
function note(context: SubtaskContext<ToyMeta, undefined>, what: string): void {
  const { runsFile } = context.task.meta;
  if (runsFile === undefined) return;
  appendFileSync(runsFile, `${context.task.id} ${context.subtask.ordinal} ${context.attempt} ${what}\n`);
}

/** As the OOM killer or a native crash would. */
async function killProcess(context: SubtaskContext<ToyMeta, undefined>): Promise<void> {
  note(context, `kills-${context.nodeId}`);
  process.kill(process.pid, 'SIGKILL');
  await wait(2 ** 30, undefined, { signal: context.signal });
}

function overflow(): never {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(100_000).fill(kept.length));
}
