import type { TaskHandle } from '@longshore/client';
import type { TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, expectEachOnce, startToyCluster, TOY, TOY_PROCESS } from '../src/toy-cluster.ts';

/**
 * "A subtask that kills its process ends two executors at most, then it runs alone." Seen to fail without a record of crashes: the subtask
 * went round, ended every executor, and its task never ended.
 */
let runs: RunsFile;
let cluster: TestCluster;
let store: StoreSession;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 3, plugins: [TOY, TOY_PROCESS] });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

const submit = (type: string, meta: Record<string, unknown>): Promise<TaskHandle> =>
  cluster.client.submit({ type, slots: 1, meta: { subtasks: 4, sleepMs: 10, runsFile: runs.path, ...meta } });

const executorsLeft = (): number => [1, 2, 3].filter((number) => isAlive(cluster.cluster.executor(number).pid)).length;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function restartAll(): Promise<void> {
  for (const number of [1, 2, 3]) {
    const { name, pid } = cluster.cluster.executor(number);
    if (!isAlive(pid)) await cluster.cluster.restart(name);
  }
}

it('a type may ask for processes of its own: a crash there ends no executor, and the retry policy decides', async () => {
  const task = await submit('toy-process', { killsIn: { 2: 1 } });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
  await expectEachOnce(task, 4);
  expect(executorsLeft()).toBe(3);
  const failing = await submit('toy-process', { killsIn: { 2: 100 } });
  expect((await failing.wait(deadline())).task).toMatchObject({
    outcome: 'failed',
    error: { code: 'RUNNER_CRASHED', message: expect.stringContaining('the process was ended by SIGKILL') },
  });
  expect(executorsLeft()).toBe(3);
});

it('a subtask that kills its process always ends two executors, fails by name, and leaves others their work', async () => {
  const innocent = await submit('toy', { subtasks: 40, sleepMs: 200 });
  const task = await submit('toy', { killsIn: { 2: 100 } });
  expect((await task.wait(deadline())).task).toMatchObject({
    outcome: 'failed',
    error: {
      code: 'SUBTASK_CRASHES',
      message: expect.stringMatching(
        /crashed its own process 3 times \(on executor-\d(, executor-\d){2}\), after 2 executors crashed .*ended by SIGKILL/,
      ),
      permanent: true,
    },
  });
  // Two in executors, three alone, and none of it counted as a failure.
  expect(runs.starts(task.id).filter((note) => note.ordinal === 2)).toHaveLength(5);
  expect(executorsLeft()).toBe(1);
  expect((await innocent.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 40 } });
  await expectEachOnce(innocent, 40);
  expect(runs.doubledAttempts(innocent.id)).toEqual([]);
});

it('one that comes to its end alone in its process succeeds, and what ran beside it is suspected of nothing afterwards', async () => {
  await restartAll();
  const task = await submit('toy', { killsIn: { 3: 3 } });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
  await expectEachOnce(task, 4);
  expect(executorsLeft()).toBeGreaterThanOrEqual(1);
  expect(await store.rows('SELECT id FROM subtasks WHERE crashes IS NOT NULL')).toEqual([]);
});
