import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { seededRandom } from '../src/random.ts';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, expectEachOnce, killAndRestart, startToyCluster } from '../src/toy-cluster.ts';

/** Many tasks over several nodes while the cluster changes under them. */
let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 3, slots: 8, replicas: 2 });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

async function submitMany(count: number, sleepMs: number): Promise<readonly TaskHandle[]> {
  const tasks: TaskHandle[] = [];
  for (let index = 0; index < count; index++) {
    tasks.push(
      await cluster.client.submit({
        type: 'toy',
        slots: 1 + (index % 3),
        meta: { subtasks: 3, sleepMs, runsFile: runs.path },
      }),
    );
  }
  return tasks;
}

async function expectAllDone(tasks: readonly TaskHandle[]): Promise<void> {
  for (const task of tasks) {
    const ended = await task.wait(deadline(60_000));
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 3 } });
    await expectEachOnce(task, 3);
  }
}

it('ten tasks are done while owners come and go', async () => {
  const tasks = await submitMany(10, 300);
  for (const name of ['owner-1', 'owner-2', 'owner-1']) {
    await waitUntil(
      () => cluster.client.list({}),
      ({ tasks: active }) => active.length > 0,
      { what: 'active tasks' },
    ).catch(() => undefined);
    await killAndRestart(cluster, name);
  }
  await expectAllDone(tasks);
});

it('twelve tasks are done while nodes join and leave', async () => {
  const tasks = await submitMany(12, 300);
  const random = seededRandom(7);
  for (let round = 0; round < 3; round++) {
    if (random() < 0.5) await cluster.cluster.addExecutor();
    else await cluster.cluster.executor(1 + Math.floor(random() * 3)).stop();
  }
  await expectAllDone(tasks);
});

it('a step that can’t be initialised fails its task', async () => {
  const task = await cluster.client.submit({ type: 'toy', meta: { failInit: true } });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'TOY_INIT' } });
});

it('a clean-up that fails holds no result back, and is shown', async () => {
  const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 1, failHooks: ['clean'] } });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', outcome: 'succeeded' });
  await waitUntil(
    () => task.get(),
    (detail) => detail.task.isArchived,
    { what: 'the archive' },
  );
  const failed: string[] = [];
  for await (const { kind, error } of task.subtasks({ states: ['failed'] }))
    failed.push(`${kind} ${error?.code ?? ''}`);
  expect(failed).toEqual(['clean TOY_CLEAN']);
});
