/** What a snippet is set into, so that it is a whole file: texts before and behind it. */
export interface Surroundings {
  readonly before: string;
  readonly behind?: string;
}

/** A part of a definition of a task type, such as `scheduler: { … }`. */
const partOfType = (declarations: string): Surroundings => ({
  before: `import { changeMeta, withLiveMeta, type Extension, type SchedulerExtension } from '@longshore/sdk';
    ${declarations}
    export const part: { scheduler?: Partial<SchedulerExtension<Meta>>; executor?: Extension<Meta> } = {`,
  behind: '};',
});

const CONNECTION = 'interface Meta { readonly connection: string }';

/**
 * Snippets that are no whole file, by their page and first line. They show what matters; what they take for granted is declared here.
 */
export const SURROUNDINGS: Readonly<Record<string, Surroundings>> = {
  "docs/going-gently.md: await longshore.submit({ type: 'backfill', meta, throttle: { rows: 5_000, statements: 50 } });":
    {
      before: `import type { LongshoreClient } from '@longshore/client';
      import type { BackfillInput } from '@longshore/plugin-backfill/client';
      declare const longshore: LongshoreClient;
      declare const meta: BackfillInput;`,
    },
  'docs/going-gently.md: async runSubtask(context) {': {
    before: `import type { StepExecutor } from '@longshore/sdk';
      export const executor: StepExecutor = {`,
    behind: '};',
  },
  "docs/submitting.md: await longshore.submit({ type: 'import', key: 'orders-2026-11-23', meta, again: true });": {
    before: `import type { LongshoreClient } from '@longshore/client';
      import type { ImportInput } from '@longshore/plugin-import/client';
      declare const longshore: LongshoreClient;
      declare const meta: ImportInput;`,
  },
  "docs/submitting.md: import { submitWithin } from '@longshore/client';": {
    before: `import type pg from 'pg';
      declare const pool: pg.Pool;
      declare const order: number;`,
  },
  'docs/submitting.md: const { id } = await db.transaction().execute(async (trx) => {': {
    before: `import { submitWithin } from '@longshore/client';
      import type { Kysely } from 'kysely';
      declare const db: Kysely<{ orders: { id: number; paid: boolean } }>;
      declare const order: number;`,
    behind: 'export { id };',
  },
  'docs/task-lifecycle.md: await task.modify({ slots: 8, throttle: null, meta: { batchRows: 500 } }); // null removes a limit':
    {
      before: `import type { TaskHandle } from '@longshore/client';
      declare const task: TaskHandle;`,
    },
  "docs/tracing.md: await context.tracer.startActiveSpan('resize', async (span) => {": {
    before: `import type { SubtaskContext } from '@longshore/sdk';
      declare const context: SubtaskContext;`,
  },
  'docs/writing-a-task-type.md: scheduler: {\n  // Another key': partOfType(`import { z } from 'zod';
    const meta = z.object({ batchRows: z.int() });
    type Meta = z.output<typeof meta>;`),
  'docs/writing-a-task-type.md: scheduler: {\n  tickIntervalMs': partOfType(CONNECTION),
  'docs/writing-a-task-type.md: scheduler: {\n  // The files lie': partOfType(
    'interface Meta { readonly volume: string }',
  ),
  'docs/writing-a-task-type.md: if (await isLocked()) {': {
    before: `import { SubtaskPostponed, type SubtaskContext } from '@longshore/sdk';
      declare const context: SubtaskContext;
      declare function isLocked(): Promise<boolean>;`,
  },
  'docs/writing-a-task-type.md: const cluster = await startTestCluster({': {
    before: `import { startTestCluster } from '@longshore/testing';
      declare function expect(value: unknown): { toEqual(expected: unknown): void };`,
  },
  "libs/client/README.md: import { connectLongshore, TaskFailedError } from '@longshore/client';": {
    before: 'declare const token: string;',
  },
  "libs/client/README.md: await task.pause({ reason: 'the disk is full' });": {
    before: `import type { TaskHandle } from '@longshore/client';
      declare const task: TaskHandle;`,
  },
  'libs/client/README.md: const { id } = await submitWithin(transaction, importTask, { meta }); // a pg client after BEGIN, or a Kysely transaction':
    {
      before: `import { submitWithin, type OpenTransaction } from '@longshore/client';
      import { importTask, type ImportInput } from '@longshore/plugin-import/client';
      declare const transaction: OpenTransaction;
      declare const meta: ImportInput;`,
      behind: 'export { id };',
    },
  "libs/faults/README.md: const fault = { at: 'effect.after-commit', do: 'kill', once: join(folder, 'fault') };": {
    before: `import { join } from 'node:path';
      import { startTestCluster } from '@longshore/testing';
      declare const folder: string;
      declare const plugins: readonly string[];`,
  },
  'libs/sdk/README.md: export default defineTaskType<Meta>({': {
    before: `import { defineTaskType } from '@longshore/sdk';
      import { z } from 'zod';
      const meta = z.object({ path: z.string() });
      type Meta = z.output<typeof meta>;`,
  },
  "libs/testing/README.md: const { client, stop } = await startTestCluster({ plugins: [packagePath], executors: 3, connectStoreAs: 'target' });":
    {
      before: `import { startTestCluster } from '@longshore/testing';
      declare const packagePath: string;
      declare const path: string;`,
    },
};
