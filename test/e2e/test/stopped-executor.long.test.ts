import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { PlannedFaults } from '../src/planned-faults.ts';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, expectEachOnce, processOf, startToyCluster } from '../src/toy-cluster.ts';

let runs: RunsFile;
let faults: PlannedFaults<'with-result'>;
let cluster: TestCluster;
let store: StoreSession;
const lines: string[] = [];

beforeAll(async () => {
  runs = await RunsFile.make();
  faults = await PlannedFaults.plan({ 'with-result': { at: 'settle.before', do: 'stop' } });
  cluster = await startToyCluster({
    executors: 2,
    env: faults.env,
    onLine: (process, line) => lines.push(`${process} ${line}`),
  });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([faults.remove(), runs.remove()]);
});
beforeEach(() => {
  lines.length = 0;
  onTestFailed(() => console.error(cluster.logs()));
});

async function untilNode(id: string, state: string, epoch: number): Promise<void> {
  await waitUntil(
    async () => (await cluster.client.nodes()).find((node) => node.id === id),
    (node) => node?.state === state && node.epoch === epoch,
    { what: `${id} ${state} under epoch ${epoch}` },
  );
}

const epochOf = async (id: string): Promise<number> =>
  (await cluster.client.nodes()).find((node) => node.id === id)?.epoch ?? 0;

async function untilLine(process: string, text: string): Promise<void> {
  await waitUntil(
    () => lines.filter((line) => line.startsWith(`${process} `)).slice(-20),
    (kept) => kept.some((line) => line.includes(text)),
    { what: `"${text}" from ${process}` },
  );
}

describe('an executor that was stopped for longer than its lease', () => {
  /** Seen to fail with a settlement that doesn't name the attempt: the running second attempt is ended by the first one's result. */
  it('has its late result refused, and takes work again under a new epoch', async () => {
    const [first, again] = [runs.newLatch(), runs.newLatch()];
    const task = await cluster.client.submit({
      type: 'toy',
      slots: 2,
      slotsPerSubtask: 1,
      meta: { subtasks: 6, latches: [first.path, again.path], runsFile: runs.path },
    });
    await runs.untilStarted(task.id, 4);
    await faults.arm('with-result');
    first.open();
    const stopped = processOf(cluster, await faults.happened('with-result'));
    const epoch = await epochOf(stopped.name);
    await untilNode(stopped.name, 'dead', epoch);
    // What it held runs elsewhere by now, as a second attempt.
    const second = await waitUntil(
      () => runs.starts(task.id).filter((note) => note.attempt === 2),
      (started) => started.length > 0,
      { what: 'a second attempt' },
    );
    stopped.kill('SIGCONT');
    await untilLine(stopped.name, 'a late result was refused');
    again.open();
    await untilNode(stopped.name, 'live', epoch + 1);
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 6 } });
    await expectEachOnce(task, 6);
    expect(runs.doubledAttempts(task.id)).toEqual([]);
    for await (const subtask of task.subtasks()) {
      if (subtask.kind !== 'work' || subtask.ordinal !== second[0]?.ordinal || subtask.step !== 'sleep') continue;
      expect(subtask).toMatchObject({ attempt: 2, failures: 0 });
      expect(subtask.node).not.toBe(stopped.name);
    }
    await faults.disarm('with-result');

    const next = await cluster.client.submit({ type: 'toy', meta: { subtasks: 10, sleepMs: 50 } });
    await next.wait(deadline());
    const nodes = new Set<string>();
    for await (const subtask of next.subtasks()) if (subtask.kind === 'work') nodes.add(subtask.node);
    expect(nodes).toContain(stopped.name);
  });

  /** Seen to fail with a fenced node that goes on with what it ran: two nodes run the rest of the task's time. */
  it('ends what it still runs, since others run it', async () => {
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy',
      slots: 2,
      slotsPerSubtask: 1,
      meta: { subtasks: 4, latches: [latch.path], runsFile: runs.path },
    });
    await runs.untilStarted(task.id, 4);
    const epoch = await epochOf('executor-2');
    cluster.cluster.executor(2).kill('SIGSTOP');
    await untilNode('executor-2', 'dead', epoch);
    cluster.cluster.executor(2).kill('SIGCONT');
    await untilNode('executor-2', 'live', epoch + 1);
    latch.open();
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 4 } });
    await expectEachOnce(task, 4);
    expect(runs.doubledAttempts(task.id)).toEqual([]);
    // The two that it had to give up never came to their end in its first attempt.
    const ends = runs.ends(task.id);
    expect(ends).toHaveLength(4);
  });

  /** A cancel of work on a dead node is done when the node has been declared dead, not before: it may still be at work. */
  it('keeps a cancel waiting until it has been declared dead', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      slots: 2,
      slotsPerSubtask: 1,
      meta: { subtasks: 8, sleepMs: 600_000, runsFile: runs.path },
    });
    await runs.untilStarted(task.id, 4);
    const epoch = await epochOf('executor-1');
    cluster.cluster.executor(1).kill('SIGSTOP');
    await task.cancel();
    const [atEnd] = await Promise.all([task.wait(deadline()), untilNode('executor-1', 'dead', epoch)]);
    expect(atEnd.task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
    const [order] = await store.rows<{ is_after: boolean }>(
      `SELECT ended_at > (SELECT lease_expires_at FROM nodes WHERE id = 'executor-1') AS is_after
       FROM (SELECT id, ended_at FROM tasks UNION ALL SELECT id, ended_at FROM task_history) t WHERE id = $1`,
      [task.id],
    );
    expect(order).toEqual({ is_after: true });
    cluster.cluster.executor(1).kill('SIGCONT');
    await untilNode('executor-1', 'live', epoch + 1);
    expect(runs.doubledAttempts(task.id)).toEqual([]);
  });
});
