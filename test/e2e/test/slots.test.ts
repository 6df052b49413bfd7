import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import {
  deadline,
  expectEachOnce,
  startToyCluster,
  TOY,
  TOY_ONCE,
  TOY_PREPARED,
  untilRunning,
} from '../src/toy-cluster.ts';

let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 2, slots: 16, plugins: [TOY, TOY_ONCE, TOY_PREPARED] });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** Sleeps for longer than any test takes, unless it says how long. */
const sleeping = (subtasks: number, sleepMs = 600_000) => ({ subtasks, sleepMs, runsFile: runs.path });

const runningOf = async (tasks: readonly TaskHandle[]): Promise<number> => {
  const details = await Promise.all(tasks.map((task) => task.get()));
  return details.reduce((sum, detail) => sum + (detail.steps[0]?.subtasks.running ?? 0), 0);
};

const untilRunningOf = (tasks: readonly TaskHandle[], count: number) =>
  waitUntil(
    () => runningOf(tasks),
    (running) => running === count,
    { what: `${count} running subtasks` },
  );

/** What runs by its own word: the store counts what is claimed ahead too. */
const untilStarted = (task: TaskHandle, count: number) =>
  waitUntil(
    () => Promise.resolve(runs.starts(task.id).length),
    (started) => started === count,
    { what: `${count} started subtasks` },
  );

async function cancelAll(tasks: readonly TaskHandle[]): Promise<void> {
  for (const task of tasks) await task.cancel();
  for (const task of tasks) await task.wait(deadline());
}

describe('a task that does not fit', () => {
  it('says so, and a smaller one of a lower rank goes first', async () => {
    const first = await cluster.client.submit({ type: 'toy', slots: 10, meta: sleeping(2) });
    await untilRunning(first, 2);
    const large = await cluster.client.submit({ type: 'toy', slots: 10, meta: sleeping(2) });
    const small = await cluster.client.submit({ type: 'toy', slots: 4, meta: sleeping(2) });
    await untilRunning(small, 2);
    const { task: waiting } = await waitUntil(
      () => large.get(),
      ({ task }) => task.waiting !== null,
      { what: 'a reason to wait' },
    );
    expect(waiting).toMatchObject({ state: 'pending', waiting: { code: 'NO_SLOTS' } });
    await cancelAll([first]);
    // Smaller ones don't keep it waiting for ever.
    await untilRunning(large, 2);
    await cancelAll([large, small]);
  });
});

describe('the last subtasks of a step', () => {
  it('keep only the nodes that they can use from a task that waits', async () => {
    const last = await cluster.client.submit({ type: 'toy', slots: 16, meta: sleeping(1) });
    await untilStarted(last, 1);
    const next = await cluster.client.submit({ type: 'toy', slots: 16, meta: sleeping(1) });
    await untilStarted(next, 1);
    // Neither was stopped for the other.
    expect(await runningOf([last, next])).toBe(2);
    await cancelAll([last, next]);
  });
});

describe('a higher rank', () => {
  it('takes slots from the lowest rank; what gave way goes on from its checkpoint, and no failure is counted', async () => {
    const meta = { subtasks: 4, sleepMs: 40_000, parts: 40, runsFile: runs.path };
    const low = await cluster.client.submit({ type: 'toy', slots: 16, slotsPerSubtask: 8, priority: 900, meta });
    await waitUntil(
      () => Promise.resolve(runs.lines(low.id)),
      (lines) => lines.filter((line) => line.endsWith('part-1')).length === 4,
      { what: 'a checkpoint of every subtask' },
    );
    const high = await cluster.client.submit({ type: 'toy', slots: 8, priority: 1, meta: sleeping(2, 600) });
    expect((await high.wait(deadline())).task.state).toBe('succeed');
    await low.modify({ meta: { sleepMs: 400 } });
    expect((await low.wait(deadline())).task.state).toBe('succeed');
    await expectEachOnce(low, 4);
    for await (const subtask of low.subtasks()) expect(subtask.failures).toBe(0);
    const released: string[] = [];
    for await (const event of low.events()) if (event.kind === 'subtask-released') released.push(event.message ?? '');
    // How many depends on where the balancer has put the other task by then.
    expect(released).toContain('preempt');
    expect(released.filter((reason) => reason !== 'preempt' && reason !== 'move')).toEqual([]);
    // No part of the preempted ones was done twice: they went on from their checkpoints.
    const parts = runs.notes(low.id).filter((note) => note.what.startsWith('part-'));
    expect(parts.length).toBeLessThanOrEqual(4 * 40 + released.length);
  });

  it('waits for what may not run again, and takes its slots in no admission', async () => {
    const latch = runs.newLatch();
    const meta = { ...sleeping(2, 0), latches: [latch.path] };
    const low = await cluster.client.submit({ type: 'toy-once', slots: 12, priority: 900, meta });
    await untilRunning(low, 2);
    const high = await cluster.client.submit({ type: 'toy', slots: 8, priority: 1, meta: sleeping(2, 0) });
    const waiting = await waitUntil(
      () => high.get(),
      (detail) => detail.task.waiting !== null,
      { what: 'a reason to wait' },
    );
    expect(waiting.task.waiting).toMatchObject({ code: 'NO_SLOTS' });
    latch.open();
    expect((await high.wait(deadline())).task.state).toBe('succeed');
    expect((await low.wait(deadline())).task.state).toBe('succeed');
    expect(runs.doubledOrdinals(low.id)).toEqual([]);
  });

  it('takes them also for a subtask of its own that runs and is to get more', async () => {
    const low = await cluster.client.submit({ type: 'toy', slots: 8, priority: 900, meta: sleeping(4) });
    const high = await cluster.client.submit({ type: 'toy', slots: 8, priority: 1, maxNodes: 1, meta: sleeping(1) });
    await untilRunning(low, 2);
    await untilRunning(high, 1);
    await high.modify({ slots: 16 });
    await waitUntil(
      () => Promise.resolve(runs.lines(high.id)),
      (lines) => lines.includes('1/1 slots-16'),
      { what: 'the subtask to have 16 slots' },
    );
    await untilRunningOf([low], 1);
    expect(runs.starts(high.id)).toHaveLength(1);
    await cancelAll([low, high]);
  });

  it('is what a changed priority gives', async () => {
    const low = await cluster.client.submit({ type: 'toy', slots: 16, meta: sleeping(2) });
    await untilRunning(low, 2);
    const other = await cluster.client.submit({ type: 'toy', slots: 16, meta: sleeping(2, 0) });
    await waitUntil(
      () => other.get(),
      (detail) => detail.task.waiting !== null,
      { what: 'a reason to wait' },
    );
    await other.modify({ priority: 1 });
    expect((await other.wait(deadline())).task.state).toBe('succeed');
    await cancelAll([low]);
  });
});

it('a cap holds a task below what it reserved, in the steps that it names', async () => {
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 16,
    slotsPerSubtask: 4,
    maxNodes: 1,
    runtimeSlots: { max: 8, steps: ['sleep'] },
    meta: sleeping(6),
  });
  await untilStarted(task, 2);
  await task.modify({ runtimeSlots: null });
  await untilStarted(task, 4);
  // Those beyond the cap were started after it was taken away.
  expect(runs.starts(task.id)).toHaveLength(4);
  await cancelAll([task]);
});

it('a cap of one step leaves the next one what the task reserved', async () => {
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 16,
    runtimeSlots: { max: 12, steps: ['sleep'] },
    meta: sleeping(1, 0),
  });
  await task.wait(deadline());
  expect(runs.lines(task.id)).toEqual(expect.arrayContaining(['1/1 has-12', '1/1 counts-with-16']));
});

it('the limit of scheduled tasks is set for the whole cluster; what undoes or pauses a task is served all the same', async () => {
  const before = await cluster.client.limits();
  try {
    expect(await cluster.client.setLimits({ maxScheduledTasks: 1 })).toEqual({ maxScheduledTasks: 1 });
    const first = await cluster.client.submit({ type: 'toy', meta: sleeping(2) });
    await untilRunning(first, 2);
    const second = await cluster.client.submit({ type: 'toy', meta: sleeping(2, 0) });
    const waiting = await waitUntil(
      () => second.get(),
      (detail) => detail.task.waiting !== null,
      { what: 'a reason to wait' },
    );
    expect(waiting.task.waiting).toMatchObject({ code: 'TASK_LIMIT' });
    await second.pause();
    await second.wait({ ...deadline(), until: ({ task }) => task.state === 'paused' });
    await second.modify({ slots: 2 });
    await second.cancel();
    expect((await second.wait(deadline())).task).toMatchObject({ state: 'reverted' });
    await cancelAll([first]);
  } finally {
    await cluster.client.setLimits(before);
  }
});

it('a plan with more subtasks than the cluster allows for a step fails at once, and what it wrote is removed', async () => {
  await cluster.client.setLimits({ maxSubtasksPerStep: 1_500 });
  try {
    const task = await cluster.client.submit({ type: 'toy', meta: sleeping(1_501, 0) });
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'reverted', error: { code: 'STEP_TOO_LARGE', permanent: true } });
    expect(ended.task.error?.message).toContain('longshore limits set --max-subtasks-per-step');
    for await (const { kind } of task.subtasks()) expect(kind).not.toBe('work');
  } finally {
    await cluster.client.setLimits({ maxSubtasksPerStep: 1_000_000 });
  }
});

it('what prepare asks for counts from the first plan on', async () => {
  const task = await cluster.client.submit({
    type: 'toy-prepared',
    meta: { ...sleeping(4), prepared: { slots: 7, maxNodes: 1 } },
  });
  await untilRunning(task, 1);
  expect((await task.get()).task).toMatchObject({ slots: 7, slotsPerSubtask: 1, maxNodes: 1 });
  expect((await task.get()).nodes).toHaveLength(1);
  await cancelAll([task]);
});
