import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { deadline, startToyCluster } from '../src/toy-cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startToyCluster({ executors: 3 });
  onTestFailed(() => console.error(cluster.logs()));
});
afterEach(() => cluster.stop());

/** A task of 60 subtasks of which some are running. */
async function startTask(meta: Record<string, unknown> = {}) {
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 2,
    slotsPerSubtask: 1,
    meta: { subtasks: 60, sleepMs: 200, ...meta },
  });
  await waitUntil(
    () => task.get(),
    (detail) => (detail.steps[0]?.subtasks.running ?? 0) >= 4 && detail.task.step === 'sleep',
    { what: 'running subtasks' },
  );
  return task;
}

/** Every ordinal of the step once, and every subtask succeeded. */
async function expectEachOnce(task: Awaited<ReturnType<typeof startTask>>, count: number): Promise<void> {
  const ordinals: number[] = [];
  for await (const subtask of task.subtasks()) {
    if (subtask.kind !== 'work' || subtask.step !== 'sleep') continue;
    expect(subtask.state).toBe('succeed');
    ordinals.push(subtask.ordinal);
  }
  expect(ordinals.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
}

describe('killed in the middle of a task', () => {
  it('an executor loses its work to the others', async () => {
    const task = await startTask();
    cluster.cluster.executor(2).kill('SIGKILL');
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    expect(ended.rerun).toBeGreaterThan(0);
    await expectEachOnce(task, 60);
    const nodes = await cluster.client.nodes();
    expect(nodes.find((node) => node.id === 'executor-2')?.state).toBe('dead');
  });

  it.each(['owner-1', 'node-manager-1', 'balancer-1'])('%s is replaced without a trace in the result', async (name) => {
    const task = await startTask();
    const process = cluster.cluster.processes.get(name);
    process?.kill('SIGKILL');
    await process?.exited;
    await cluster.cluster.restart(name);
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    await expectEachOnce(task, 60);
  });

  it('an executor that plans leaves nothing of its plan behind', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      meta: { subtasks: 3_000, planMs: 1, sleepMs: 0 },
      slots: 2,
      slotsPerSubtask: 1,
    });
    const planning = await waitUntil(
      () => task.get(),
      (detail) => detail.controls[0]?.state === 'running',
      { what: 'a running plan' },
    );
    // Some pages are written by now, or will be: either way the attempt's rows must not count.
    const planned = await waitUntil(
      async () => {
        let rows = 0;
        for await (const subtask of task.subtasks()) if (subtask.kind === 'work') rows += 1;
        return rows;
      },
      (rows) => rows > 0,
      { what: 'a written page' },
    );
    expect(planned).toBeLessThan(3_000);
    const node = planning.controls[0]?.node ?? '';
    cluster.cluster.processes.get(node)?.kill('SIGKILL');
    const ended = await task.wait(deadline(60_000));
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 3_000 } });
    expect(ended.steps[0]?.subtasks).toMatchObject({ total: 3_000, succeeded: 3_000 });
    await expectEachOnce(task, 3_000);
  });

  it('an executor that is stopped cleanly hands its work back at once', async () => {
    const task = await startTask({ subtasks: 30, sleepMs: 1_000 });
    await cluster.cluster.executor(1).stop();
    const nodes = await cluster.client.nodes();
    expect(nodes.find((node) => node.id === 'executor-1')).toMatchObject({ state: 'stopped', running: 0 });
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 30 } });
  });

  it('an executor that comes back under its name takes work again', async () => {
    const task = await startTask({ subtasks: 100 });
    cluster.cluster.executor(3).kill('SIGKILL');
    await cluster.cluster.executor(3).exited;
    await cluster.cluster.restart('executor-3');
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 100 } });
    const node = (await cluster.client.nodes()).find((one) => one.id === 'executor-3');
    expect(node).toMatchObject({ state: 'live', epoch: 2 });
    await expectEachOnce(task, 100);
  });
});
