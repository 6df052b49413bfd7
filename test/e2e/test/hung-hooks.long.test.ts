import { writeFileSync } from 'node:fs';
import type { EventView, TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, startToyCluster } from '../src/toy-cluster.ts';

let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  // Hooks hang after five seconds instead of ten minutes.
  const env = { LONGSHORE_HOOK_STALL_MS: '5000', LONGSHORE_ABORT_GRACE_MS: '500' };
  cluster = await startToyCluster({ executors: 2, executorEnv: () => env });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** Tried again and again, so that a slow look sees each of its states. */
const OFTEN = { maxFailures: 1_000 };

const submit = (hangHooks: string[], meta: object = {}): Promise<TaskHandle> =>
  cluster.client.submit({ type: 'toy', meta: { subtasks: 2, hangHooks, ...meta } });

/** Waits until a hook of a task runs. @returns its node. */
async function untilHookRuns(task: TaskHandle, kind: string): Promise<string> {
  const nodes = await waitUntil(
    async () => {
      const found: string[] = [];
      for await (const one of task.subtasks()) if (one.kind === kind && one.state === 'running') found.push(one.node);
      return found;
    },
    (found) => found.length === 1,
    { what: `a running ${kind}` },
  );
  return nodes[0]!;
}

async function eventsOf(task: TaskHandle): Promise<EventView[]> {
  const events: EventView[] = [];
  for await (const event of task.events()) events.push(event);
  return events;
}

describe('a hook that hangs', () => {
  it('is stopped and tried again', async () => {
    const fixedFile = `${runs.path}-fixed`;
    const meta = { subtasks: 2, hangHooks: ['plan'], fixedFile };
    const task = await cluster.client.submit({ type: 'toy', retry: OFTEN, meta });
    const isStall = ({ kind, message }: EventView): boolean =>
      kind === 'subtask-retry' && message?.includes('SUBTASK_STALLED') === true;
    await waitUntil(
      () => eventsOf(task),
      (events) => events.some(isStall),
      { what: 'another attempt', timeoutMs: 60_000 },
    );
    writeFileSync(fixedFile, '');
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed' });
  });

  it('says that it makes no progress', async () => {
    const task = await cluster.client.submit({ type: 'toy', retry: OFTEN, meta: { hangHooks: ['plan'] } });
    const detail = await task.wait({ ...deadline(), until: ({ waiting = [] }) => waiting.length > 0 });
    expect(detail.waiting).toMatchObject([{ code: 'NO_PROGRESS' }]);
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ outcome: 'canceled' });
  });

  it('of a revert is left out by force', async () => {
    const task = await submit(['revert'], { failAlways: [1] });
    await untilHookRuns(task, 'revert');
    expect(await task.cancel({ force: true })).toMatchObject({ changed: true });
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted' });
    expect(await eventsOf(task)).toContainEqual(
      expect.objectContaining({ kind: 'hook-skipped', message: expect.stringContaining('SUBTASK_STALLED') as string }),
    );
  });

  it('of a clean-up is left out by a command of its own, which the error of a cancel names', async () => {
    const task = await submit(['clean']);
    await untilHookRuns(task, 'clean');
    await expect(task.cancel({ force: true })).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining(`longshore task end-clean-up ${task.id}`) as string,
    });
    expect(await task.endCleanUp({ reason: 'nobody needs it' })).toMatchObject({ changed: true });
    await waitUntil(
      async () => (await task.get()).task.isArchived,
      (isArchived) => isArchived,
      { what: 'the task to leave' },
    );
    expect((await task.get()).task).toMatchObject({ state: 'succeed' });
  });
});
