import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { PlannedFaults } from '../src/planned-faults.ts';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, processOf, startToyCluster } from '../src/toy-cluster.ts';

/** "When its lease is over, an executor ends what may not overlap, though its main thread is blocked." */
const PLAN = {
  blocked: { at: 'lease.before-renew', do: 'block' },
  stopped: { at: 'lease.before-renew', do: 'stop' },
} as const;
let runs: RunsFile;
let faults: PlannedFaults<keyof typeof PLAN>;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  faults = await PlannedFaults.plan(PLAN);
  cluster = await startToyCluster({ executors: 1, env: faults.env });
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([faults.remove(), runs.remove()]);
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));
afterEach(() => Promise.all((Object.keys(PLAN) as (keyof typeof PLAN)[]).map((name) => faults.disarm(name))));

it.each(['blocked', 'stopped'] as const)(
  'an executor that is %s is ended before anybody else may have its work',
  async (name) => {
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy-once',
      slots: 1,
      meta: { subtasks: 1, latches: [latch.path], runsFile: runs.path },
    });
    await runs.untilStarted(task.id, 1);
    await faults.arm(name);
    const victim = processOf(cluster, await faults.happened(name));
    // Nobody but its guard ends it.
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    const [node] = await cluster.client.nodes();
    expect(node).toMatchObject({ state: 'live' });
    await faults.disarm(name);
    await cluster.cluster.restart(victim.name);
    expect((await task.wait(deadline())).task).toMatchObject({ outcome: 'failed', error: { code: 'NODE_LOST' } });
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
    expect(runs.lines(task.id).filter((line) => line.endsWith('revert'))).toHaveLength(1);
  },
);

it('one that runs nothing of the kind is left alone, and comes back', async () => {
  const latch = runs.newLatch();
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 1,
    meta: { subtasks: 1, latches: [latch.path, latch.path], runsFile: runs.path },
  });
  await runs.untilStarted(task.id, 1);
  await faults.arm('blocked');
  const { name, pid } = processOf(cluster, await faults.happened('blocked'));
  await waitUntil(
    async () => (await cluster.client.nodes()).find((node) => node.id === name),
    (node) => node?.state === 'dead',
    { what: 'the node to be declared dead' },
  );
  await faults.disarm('blocked');
  latch.open();
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed' });
  expect(processOf(cluster, pid).name).toBe(name);
  expect(process.kill(pid, 0)).toBe(true);
});
