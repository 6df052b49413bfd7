import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { deadline, expectEachOnce, killAndRestart, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

/** Kills anywhere, as they come. `fault-points.test.ts` kills at every named place, `leaders.test.ts` those that have a standby. */
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startToyCluster({ executors: 3 });
});
afterAll(() => cluster.stop());
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** A task of which some subtasks are running. */
async function startTask(subtasks: number) {
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 2,
    slotsPerSubtask: 1,
    meta: { subtasks, sleepMs: 200 },
  });
  await untilRunning(task, 4);
  return task;
}

const nodeOf = async (id: string) => (await cluster.client.nodes()).find((node) => node.id === id);

describe('killed in the middle of a task', () => {
  it('an executor that stays away loses its work to the others', async () => {
    const task = await startTask(60);
    cluster.cluster.executor(2).kill('SIGKILL');
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    expect(ended.rerun).toBeGreaterThan(0);
    await expectEachOnce(task, 60);
    expect(await nodeOf('executor-2')).toMatchObject({ state: 'dead', epoch: 1 });
  });

  it('an executor that comes back under its name takes work again', async () => {
    await cluster.cluster.restart('executor-2');
    const task = await startTask(60);
    await killAndRestart(cluster, 'executor-3');
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    await expectEachOnce(task, 60);
    expect(await nodeOf('executor-2')).toMatchObject({ state: 'live', epoch: 2 });
    expect(await nodeOf('executor-3')).toMatchObject({ state: 'live', epoch: 2 });
  });

  it('owner, node-manager and balancer, the only ones, are replaced without a trace in the result', async () => {
    const task = await startTask(60);
    await Promise.all(['owner-1', 'node-manager-1', 'balancer-1'].map((name) => killAndRestart(cluster, name)));
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    await expectEachOnce(task, 60);
  });

  it('an executor that plans leaves nothing of its plan behind, though it stays away', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      meta: { subtasks: 1_500, planMs: 1, sleepMs: 0 },
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
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 1_500 } });
    expect(ended.steps[0]?.subtasks).toMatchObject({ total: 1_500, succeeded: 1_500 });
    await expectEachOnce(task, 1_500);
  });
});
