import { fileURLToPath } from 'node:url';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster({
    plugins: [fileURLToPath(new URL('../src/toy-task-type.ts', import.meta.url))],
    executors: 2,
  });
});
afterAll(() => cluster.stop());

describe('a task of a toy type', () => {
  it('goes from submit through both steps into history', async () => {
    onTestFailed(() => console.error(cluster.logs()));
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 10 } });
    const ended = await task.wait({ signal: AbortSignal.timeout(20_000) });
    expect(ended.task).toMatchObject({ state: 'succeed', outcome: 'succeeded', result: { total: 10 } });
  });
});
