import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed, onTestFinished } from 'vitest';
import type { Latch } from '../src/latch.ts';
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

/** Tasks of which every second one has to wait for the latch, while the others come and go. */
async function submitMany(count: number, sleepMs: number, latch: Latch): Promise<readonly TaskHandle[]> {
  const tasks: TaskHandle[] = [];
  for (let index = 0; index < count; index++) {
    tasks.push(
      await cluster.client.submit({
        type: 'toy',
        slots: 1 + (index % 3),
        meta: { subtasks: 3, sleepMs, latches: index % 2 === 0 ? [] : [latch.path], runsFile: runs.path },
      }),
    );
  }
  return tasks;
}

async function expectAllDone(tasks: readonly TaskHandle[]): Promise<void> {
  for (const task of tasks) {
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 3 } });
    await expectEachOnce(task, 3);
  }
}

it('ten tasks are done while owners come and go', async () => {
  const latch = runs.newLatch();
  const tasks = await submitMany(10, 300, latch);
  for (const name of ['owner-1', 'owner-2', 'owner-1']) await killAndRestart(cluster, name);
  latch.open();
  await expectAllDone(tasks);
});

it('twelve tasks are done while nodes join and leave', async () => {
  const latch = runs.newLatch();
  const tasks = await submitMany(12, 300, latch);
  const random = seededRandom(7);
  for (let round = 0; round < 3; round++) {
    if (random() < 0.5) await cluster.cluster.addExecutor();
    else await cluster.cluster.executor(1 + Math.floor(random() * 3)).stop();
  }
  latch.open();
  await expectAllDone(tasks);
});

/** Subtasks of these tasks that run now. */
const runningOf = async (tasks: readonly TaskHandle[]): Promise<number> => {
  const details = await Promise.all(tasks.map((task) => task.get()));
  return details.reduce((sum, detail) => sum + (detail.steps[0]?.subtasks.running ?? 0), 0);
};

it('four tasks share the nodes, and spread over those that join and leave', async () => {
  const nodes = await startToyCluster({ executors: 2, slots: 16 });
  onTestFinished(() => nodes.stop());
  onTestFailed(() => console.error(nodes.logs()));
  const untilRunning = (count: number): Promise<number> =>
    waitUntil(
      () => runningOf(tasks),
      (running) => running === count,
      { what: `${count} running subtasks` },
    );
  const tasks: TaskHandle[] = [];
  for (let count = 0; count < 4; count++) {
    tasks.push(await nodes.client.submit({ type: 'toy', slots: 4, meta: { subtasks: 4, sleepMs: 600_000 } }));
  }
  await untilRunning(8);
  await nodes.cluster.addExecutor();
  await nodes.cluster.addExecutor();
  await untilRunning(16);
  await nodes.cluster.executor(4).stop();
  await untilRunning(12);
  await nodes.cluster.executor(3).stop();
  await untilRunning(8);
  for (const task of tasks) await task.cancel();
  for (const task of tasks) await task.wait(deadline());
});
