import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

/** One node, so that what runs there at once is what a task's slots allow. */
let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 1, slots: 16 });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** Slots that each subtask of the first step had when it ended, by ordinal. */
async function slotsOf(task: TaskHandle): Promise<readonly number[]> {
  const slots = new Map<number, number>();
  for await (const event of task.subtasks({ step: 'sleep' })) slots.set(event.ordinal, event.ordinal);
  const lines = runs.notes(task.id);
  return [...slots.keys()].toSorted((a, b) => a - b).map((ordinal) => slotsNoted(lines, ordinal));
}

function slotsNoted(lines: ReturnType<RunsFile['notes']>, ordinal: number): number {
  const noted = lines.filter((note) => note.ordinal === ordinal && note.what.startsWith('slots-')).at(-1);
  return Number(noted?.what.slice('slots-'.length) ?? 0);
}

const untilNoted = (task: TaskHandle, text: string) =>
  waitUntil(
    () => Promise.resolve(runs.lines(task.id)),
    (lines) => lines.some((line) => line.endsWith(text)),
    { what: `a subtask to note ${text}` },
  );

describe('slots', () => {
  it('of a task that waits are changed before it starts', async () => {
    const task = await cluster.client.submit({ type: 'toy', slots: 100, meta: { subtasks: 5, runsFile: runs.path } });
    const waiting = await waitUntil(
      () => task.get(),
      (detail) => detail.task.waiting !== null,
      { what: 'a reason to wait' },
    );
    expect(waiting.task.waiting).toMatchObject({ code: 'NO_SLOTS' });
    const { task: modified } = await task.modify({ slots: 7 });
    expect(modified).toMatchObject({ state: 'pending', slots: 7, slotsPerSubtask: 7 });
    expect((await task.wait(deadline())).task.state).toBe('succeed');
  });

  it('of a running subtask grow and shrink while it runs', async () => {
    const meta = { subtasks: 1, sleepMs: 100_000, parts: 100, runsFile: runs.path };
    const task = await cluster.client.submit({ type: 'toy', slots: 3, meta });
    await untilRunning(task, 1);
    await task.modify({ slots: 7, meta: { sleepMs: 90_000 } });
    await untilNoted(task, 'slots-7');
    await untilNoted(task, 'sleepMs-90000');
    await task.modify({ slots: 5 });
    await untilNoted(task, 'slots-5');
    expect(await slotsOf(task)).toEqual([5]);
    await task.modify({ meta: { sleepMs: 0 } });
    expect((await task.wait(deadline())).task.state).toBe('succeed');
    // It was never stopped for it.
    expect(runs.starts(task.id)).toHaveLength(1);
  });

  it('let more subtasks of a running task run at once', async () => {
    const meta = { subtasks: 12, sleepMs: 60_000, runsFile: runs.path };
    const task = await cluster.client.submit({ type: 'toy', slots: 2, slotsPerSubtask: 1, meta });
    await untilRunning(task, 2);
    await task.modify({ slots: 9 });
    await untilRunning(task, 9);
    await task.cancel();
    await task.wait(deadline());
  });
});

it('subtasks that start after a change have the new slots', async () => {
  const latch = runs.newLatch();
  const task = await cluster.client.submit({
    type: 'toy',
    slots: 3,
    meta: { subtasks: 5, latches: [latch.path], latchesFrom: 2, parts: 4, runsFile: runs.path },
  });
  await untilNoted(task, '2/1 start');
  await task.modify({ slots: 7 });
  await untilNoted(task, 'slots-7');
  latch.open();
  await task.wait(deadline());
  const had = runs.notes(task.id).filter((note) => note.what.startsWith('has-'));
  expect(had.map((note) => note.what).toSorted()).toEqual(['has-3', 'has-3', 'has-7', 'has-7', 'has-7']);
});

describe('other settings', () => {
  it('are changed while it runs', async () => {
    const task = await cluster.client.submit({ type: 'toy', maxNodes: 1, meta: { subtasks: 2, sleepMs: 60_000 } });
    await untilRunning(task, 1);
    const { task: modified } = await task.modify({
      priority: 7,
      maxNodes: 200,
      onFailure: 'hold',
      throttle: { rows: 1_000 },
      deadlineMs: 3_600_000,
    });
    expect(modified).toMatchObject({ priority: 7, maxNodes: 200, onFailure: 'hold', throttle: { rows: 1_000 } });
    expect((await task.modify({ throttle: null, maxNodes: null })).task).toMatchObject({
      throttle: null,
      maxNodes: null,
    });
    await task.cancel();
    await task.wait(deadline());
  });

  it('a budget that is set while it runs holds what starts a batch from then on', async () => {
    const latch = runs.newLatch();
    const meta = { subtasks: 6, sleepMs: 1_000, costRows: 10, latches: [latch.path], runsFile: runs.path };
    const task = await cluster.client.submit({ type: 'toy', meta });
    await runs.untilStarted(task.id, 1);
    await task.modify({ throttle: { rows: 1 }, meta: { sleepMs: 0 } });
    await untilNoted(task, 'sleepMs-0');
    latch.open();
    const held = await waitUntil(
      () => task.get(),
      (detail) => (detail.waiting ?? []).some((reason) => reason.code === 'THROTTLED'),
      { what: 'a subtask to wait for its budget' },
    );
    expect(held.task.throttle).toEqual({ rows: 1 });
    await task.modify({ throttle: { rows: 100_000 } });
    expect((await task.wait(deadline())).task.state).toBe('succeed');
  });

  it('that the type refuses leave the task as it was, and say why', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 1, sleepMs: 60_000 } });
    await untilRunning(task, 1);
    await expect(task.modify({ slots: 2, meta: { subtasks: 5 } })).rejects.toMatchObject({ code: 'TOY_FIXED' });
    await expect(task.modify({ meta: { sleepMs: -1 } })).rejects.toMatchObject({
      code: 'META_INVALID',
      message: expect.stringContaining('sleepMs') as unknown,
    });
    expect((await task.get()).task).toMatchObject({ state: 'running', slots: 1 });
    await task.cancel();
    await task.wait(deadline());
    await expect(task.modify({ slots: 2 })).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('that make no sense are refused with the field named', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 1, sleepMs: 60_000 } });
    await expect(task.modify({ slots: 0 })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('changes.slots') as unknown,
    });
    await expect(task.modify({ runtimeSlots: { max: 1, steps: ['nap'] } })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('runtimeSlots.steps') as unknown,
    });
    await task.cancel();
    await task.wait(deadline());
  });
});
