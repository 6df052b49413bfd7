import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import type { Latch } from '../src/latch.ts';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, expectEachOnce, killAndRestart, startToyCluster } from '../src/toy-cluster.ts';

/** Kills anywhere, as they come. `fault-points.long.test.ts` kills at every named place, `leaders.long.test.ts` those that have a standby. */
let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 3 });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** A task of which every node runs some subtasks, which end when the latch is open. */
async function startTask(subtasks: number): Promise<{ readonly task: TaskHandle; readonly latch: Latch }> {
  const latch = runs.newLatch();
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 2,
    slotsPerSubtask: 1,
    meta: { subtasks, sleepMs: 20, latches: [latch.path], runsFile: runs.path },
  });
  await runs.untilStarted(task.id, 6);
  return { task, latch };
}

const nodeOf = async (id: string) => (await cluster.client.nodes()).find((node) => node.id === id);

describe('killed in the middle of a task', () => {
  it('an executor that stays away loses its work to the others', async () => {
    const { task, latch } = await startTask(60);
    cluster.cluster.executor(2).kill('SIGKILL');
    latch.open();
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    expect(ended.rerun).toBeGreaterThan(0);
    await expectEachOnce(task, 60);
    expect(await nodeOf('executor-2')).toMatchObject({ state: 'dead', epoch: 1 });
  });

  it('an executor that comes back under its name takes work again', async () => {
    await cluster.cluster.restart('executor-2');
    const { task, latch } = await startTask(60);
    await killAndRestart(cluster, 'executor-3');
    latch.open();
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    await expectEachOnce(task, 60);
    expect(await nodeOf('executor-2')).toMatchObject({ state: 'live', epoch: 2 });
    expect(await nodeOf('executor-3')).toMatchObject({ state: 'live', epoch: 2 });
  });

  it('owner, node-manager and balancer, the only ones, are replaced without a trace in the result', async () => {
    const { task, latch } = await startTask(60);
    await Promise.all(['owner-1', 'node-manager-1', 'balancer-1'].map((name) => killAndRestart(cluster, name)));
    latch.open();
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    await expectEachOnce(task, 60);
  });

  it('an executor that plans leaves nothing of its plan behind, though it stays away', async () => {
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy',
      meta: { subtasks: 1_500, planLatch: { path: latch.path, after: 1_200 }, sleepMs: 0 },
      slots: 2,
      slotsPerSubtask: 1,
    });
    const planning = await waitUntil(
      async () => {
        for await (const subtask of task.subtasks()) if (subtask.kind === 'work') return task.get();
        return null;
      },
      (detail) => detail !== null,
      { what: 'a written page' },
    );
    const node = planning?.controls[0]?.node ?? '';
    cluster.cluster.processes.get(node)?.kill('SIGKILL');
    latch.open();
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 1_500 } });
    expect(ended.steps[0]?.subtasks).toMatchObject({ total: 1_500, succeeded: 1_500 });
    await expectEachOnce(task, 1_500);
  });
});
