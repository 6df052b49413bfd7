import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, expectEachOnce, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

/** Many tasks over several nodes. `churn.long.test.ts` has what changes the cluster under them. */
let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 3, slots: 8 });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** Nodes that have run work of a task, of one step or of all. */
async function nodesOf(task: TaskHandle, step?: string): Promise<ReadonlySet<string>> {
  const nodes = new Set<string>();
  for await (const { kind, node } of task.subtasks(step === undefined ? {} : { step }))
    if (kind === 'work' && node !== '') nodes.add(node);
  return nodes;
}

describe('three tasks at once, each on one node,', () => {
  type Act = (task: TaskHandle) => Promise<unknown>;
  const LONG = { sleepMs: 600_000 };
  const cancel: Act = (task) => task.cancel();
  const pause: Act = (task) => task.pause();

  it.each<[behaviour: string, meta: Record<string, unknown>, act: Act | null, end: object]>([
    ['succeed', {}, null, { state: 'succeed', outcome: 'succeeded', error: null }],
    [
      'are undone when they can’t be planned',
      { failHooks: ['plan'] },
      null,
      { state: 'reverted', outcome: 'failed', error: { code: 'TOY_PLAN' } },
    ],
    [
      'are undone when a subtask fails for good',
      { failAlways: [2] },
      null,
      { state: 'reverted', outcome: 'failed', error: { code: 'TOY_FAILED' } },
    ],
    ['are undone when they are canceled', LONG, cancel, { state: 'reverted', outcome: 'canceled' }],
    ['are paused when they are told to', LONG, pause, { state: 'paused', outcome: null }],
  ])('%s', async (_, meta, act, end) => {
    const tasks = await Promise.all(
      Array.from({ length: 3 }, () => cluster.client.submit({ type: 'toy', maxNodes: 1, meta })),
    );
    onTestFinished(async () => {
      // What is left of it would be among the active tasks of the tests after it.
      for (const task of tasks) await task.cancel().catch(() => undefined);
    });
    if (act !== null) await Promise.all(tasks.map((task) => untilRunning(task, 1)));
    await Promise.all(tasks.map(async (task) => act?.(task)));
    const ended = await Promise.all(
      tasks.map((task) => task.wait({ ...deadline(), until: (detail) => detail.task.state === 'paused' })),
    );
    for (const { task } of ended) expect(task).toMatchObject(end);
    for (const task of tasks) expect((await nodesOf(task)).size).toBeLessThanOrEqual(1);
  });
});

it('of six tasks that begin at once nothing is claimed by a node that then doesn’t run it', async () => {
  // What a node has claimed and lost sight of is given back with such a line, some seconds later.
  const lost = (): number => cluster.logs().split('claimed without our knowing').length - 1;
  const before = lost();
  const tasks = await Promise.all(
    Array.from({ length: 6 }, () => cluster.client.submit({ type: 'toy', meta: { subtasks: 8, sleepMs: 200 } })),
  );
  for (const task of tasks) {
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 8 } });
    await expectEachOnce(task, 8);
  }
  expect(lost()).toBe(before);
});

it('every node that has run a task cleans up after it once it is over', async () => {
  const task = await cluster.client.submit({
    type: 'toy',
    meta: { subtasks: 12, sleepMs: 100, runsFile: runs.path, notesCleanUp: true },
  });
  await task.wait(deadline());
  const nodes = [...(await nodesOf(task, 'sleep'))];
  expect(nodes).not.toEqual([]);
  await waitUntil(
    () => Promise.resolve(runs.notes(task.id).map(({ what }) => what)),
    (notes) => nodes.every((node) => notes.includes(`cleaned-up-on-${node}`)),
    { what: `clean-ups on ${nodes.join(', ')}` },
  );
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
