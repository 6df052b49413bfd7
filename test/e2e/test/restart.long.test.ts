import { writeFileSync } from 'node:fs';
import { connectLongshore, type TaskHandle, type TaskView } from '@longshore/client';
import type { TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { longshore } from '../src/longshore.ts';
import { PlannedFaults } from '../src/planned-faults.ts';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, processOf, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

let runs: RunsFile;
let cluster: TestCluster;
let store: StoreSession;
let faults: PlannedFaults<'undo'>;
let keys = 0;
beforeAll(async () => {
  runs = await RunsFile.make();
  faults = await PlannedFaults.plan({ undo: { at: 'leader.before-commit', do: 'kill' } });
  cluster = await startToyCluster({ executors: 2, replicas: 2, env: faults.env });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([faults.remove(), runs.remove()]);
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

const newPath = (what: string): string => `${runs.path}-${what}-${++keys}`;

/** A task that awaits resolution, and succeeds in another run once the fixed file is there. */
async function submitFailing(meta: object = {}): Promise<{ readonly task: TaskHandle; readonly fixedFile: string }> {
  const fixedFile = newPath('fixed');
  const task = await cluster.client.submit({
    type: 'toy',
    key: `restart-${++keys}`,
    onFailure: 'hold',
    meta: { subtasks: 1, failAlways: [1], fixedFile, ...meta },
  });
  await task.wait({ ...deadline(), until: (snapshot) => snapshot.task.state === 'awaiting-resolution' });
  return { task, fixedFile };
}

async function runsOf({ key }: TaskHandle): Promise<readonly TaskView[]> {
  const found: TaskView[] = [];
  for await (const run of cluster.client.runs(key)) found.push(run);
  return found;
}

/** Follows the newest run of the task's key to its end. */
async function endOfNextRun(task: TaskHandle): Promise<TaskView> {
  await task.wait(deadline());
  const next = await cluster.client.task({ key: task.key });
  return (await next.wait(deadline())).task;
}

/** Waits until the revert hook of a task has done its part. */
const untilReverted = ({ id }: TaskHandle): Promise<string> =>
  store.until(
    `SELECT count(*) = 1 AS value FROM subtasks WHERE task_id = $1 AND kind = 'revert' AND state = 'running'`,
    [id],
    'true',
    'a revert that runs',
  );

describe('a restart', () => {
  it('undoes a task that awaits resolution, and its next run succeeds with what was mended', async () => {
    const { task, fixedFile } = await submitFailing();
    writeFileSync(fixedFile, '');
    expect(await task.restart({ reason: 'mended' })).toMatchObject({ changed: true, task: { restarting: true } });
    expect(await endOfNextRun(task)).toMatchObject({ run: 2, outcome: 'succeeded' });
    expect(await runsOf(task)).toMatchObject([{ run: 2 }, { run: 1, outcome: 'failed', restarting: false }]);
    await expect(task.restart()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('starts one run when the owner is killed between the end of the revert and the new run', async () => {
    const latch = runs.newLatch();
    const { task, fixedFile } = await submitFailing({ hookLatch: latch.path });
    writeFileSync(fixedFile, '');
    await task.restart();
    await untilReverted(task);
    await faults.arm('undo');
    latch.open();
    const victim = processOf(cluster, await faults.happened('undo'));
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(victim.name).toContain('owner');
    expect(await endOfNextRun(task)).toMatchObject({ run: 2, outcome: 'succeeded' });
    expect(await runsOf(task)).toHaveLength(2);
    await cluster.cluster.restart(victim.name);
  });

  it('needs neither the client that asked for it nor the executor that undoes it', async () => {
    const latch = runs.newLatch();
    const { task, fixedFile } = await submitFailing({ hookLatch: latch.path });
    writeFileSync(fixedFile, '');
    const asking = await connectLongshore({
      servers: cluster.cluster.natsUrl,
      cluster: cluster.cluster.cluster,
      ...(cluster.cluster.natsToken === undefined ? {} : { token: cluster.cluster.natsToken }),
    });
    await (await asking.task({ id: task.id })).restart();
    await asking.close();
    await untilReverted(task);
    const [row] = await store.rows<{ exec_id: string }>(
      `SELECT exec_id FROM subtasks WHERE task_id = $1 AND kind = 'revert'`,
      [task.id],
    );
    const name = String(row?.exec_id);
    cluster.cluster.processes.get(name)?.kill('SIGKILL');
    latch.open();
    expect(await endOfNextRun(task)).toMatchObject({ run: 2, outcome: 'succeeded' });
    expect(await runsOf(task)).toHaveLength(2);
    await cluster.cluster.restart(name);
  });

  it('starts nothing when the revert fails; asked for again, it does', async () => {
    const { task, fixedFile } = await submitFailing({ failHooks: ['revert'] });
    await task.restart();
    const failed = await task.wait({
      ...deadline(),
      until: ({ controls }) => controls.some(({ kind, error }) => kind === 'revert' && error !== null),
    });
    expect(failed.task.restarting).toBe(false);
    const kinds: string[] = [];
    for await (const { kind } of task.events()) kinds.push(kind);
    expect(kinds.at(-1)).toBe('restart-dropped');
    expect(await runsOf(task)).toHaveLength(1);
    writeFileSync(fixedFile, '');
    await task.restart();
    expect(await endOfNextRun(task)).toMatchObject({ run: 2, outcome: 'succeeded' });
  });

  it('is one command, whose wait ends as the new run does', async () => {
    const { task, fixedFile } = await submitFailing();
    writeFileSync(fixedFile, '');
    const printed = await longshore(cluster, 'task', 'restart', task.key, '--wait', '--json');
    expect(JSON.parse(printed)).toMatchObject({ task: { key: task.key, run: 2, outcome: 'succeeded' } });
    await expect(longshore(cluster, 'task', 'restart', task.id)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the same submit and --again') as string,
    });
    const latch = runs.newLatch();
    const { task: waiting } = await submitFailing({ hookLatch: latch.path });
    expect(await longshore(cluster, 'task', 'restart', waiting.id)).toBe(
      `task ${waiting.id} is being undone; run 2 of its key starts with its end; state reverting\n`,
    );
    latch.open();
  });

  it('of a running task stops its work first', async () => {
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy',
      key: `restart-${++keys}`,
      meta: { subtasks: 2, latches: [latch.path] },
    });
    await untilRunning(task, 1);
    expect((await task.restart()).task).toMatchObject({ state: 'cancelling' });
    await task.wait(deadline());
    latch.open();
    expect(await endOfNextRun(task)).toMatchObject({ run: 2, outcome: 'succeeded' });
    expect(await runsOf(task)).toMatchObject([{ run: 2 }, { run: 1, outcome: 'canceled' }]);
  });
});
