import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { startToyCluster } from '../src/toy-cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startToyCluster({ executors: 1 });
});
afterAll(() => cluster.stop());
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

it('what running subtasks count is seen in the task, its subtasks and the metrics, and is gone when they stop', async () => {
  const meta = { subtasks: 2, sleepMs: 600_000, parts: 1_000 };
  const task = await cluster.client.submit({ type: 'toy', slots: 2, slotsPerSubtask: 1, meta });
  // Each counts its naps; the sum grows while both run.
  const detail = await waitUntil(
    () => task.get(),
    ({ summaries = [] }) => summaries.some(({ subtasks, counters }) => subtasks === 2 && counters['naps']! >= 4),
    { what: 'both subtasks to have counted two naps' },
  );
  expect(detail.summaries).toEqual([{ step: 'sleep', subtasks: 2, counters: { naps: expect.any(Number) } }]);
  for await (const subtask of task.subtasks()) {
    if (subtask.kind === 'work') expect(subtask.summary).toEqual({ naps: expect.any(Number) });
  }
  const [node] = await cluster.client.nodes();
  const url = String(cluster.cluster.processes.get(node!.id)?.ready['httpUrl']);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const [, naps] =
    /longshore_subtask_counters_total\{type="toy",step="sleep",counter="naps",.*\} (\d+)/.exec(metrics) ?? [];
  expect(Number(naps)).toBeGreaterThanOrEqual(4);

  await task.pause();
  const paused = await waitUntil(
    () => task.get(),
    ({ task: { state } }) => state === 'paused',
    { what: 'the pause' },
  );
  expect(paused.summaries).toEqual([]);
  await task.cancel();
});
