import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, expectEachOnce, startToyCluster } from '../src/toy-cluster.ts';

/** A session that keeps one task's row locked, such as a person's with `psql`, delays that task alone. */
let runs: RunsFile;
let cluster: TestCluster;
let store: StoreSession;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 3, slots: 8 });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** A task with subtasks running on every node, which end when the latch is open. */
async function startTask(): Promise<{ readonly task: TaskHandle; readonly open: () => void }> {
  const latch = runs.newLatch();
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 2,
    slotsPerSubtask: 1,
    meta: { subtasks: 6, sleepMs: 20, latches: [latch.path], runsFile: runs.path },
  });
  await runs.untilStarted(task.id, 6);
  return { task, open: () => latch.open() };
}

it('others start and end meanwhile, and what a killed executor had of others is freed', async () => {
  const locked = await startTask();
  const other = await startTask();
  await store.whileLocked('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [locked.task.id], async () => {
    const fresh = await cluster.client.submit({ type: 'toy', meta: { subtasks: 3, sleepMs: 20, runsFile: runs.path } });
    expect((await fresh.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 3 } });

    cluster.cluster.executor(3).kill('SIGKILL');
    await waitUntil(
      () => cluster.client.nodes(),
      (nodes) => nodes.find((node) => node.id === 'executor-3')?.state === 'dead',
      { what: 'executor-3 to be declared dead' },
    );
    other.open();
    expect((await other.task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 6 } });
    await expectEachOnce(other.task, 6);
    // All of this happened while the row was locked.
    expect((await locked.task.get()).task.state).toBe('running');
  });
  locked.open();
  expect((await locked.task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 6 } });
  await expectEachOnce(locked.task, 6);
});
