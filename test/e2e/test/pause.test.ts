import { writeFileSync } from 'node:fs';
import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, expectEachOnce, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 2 });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

const untilState = (task: TaskHandle, state: string) =>
  task.wait({ ...deadline(), until: (snapshot) => snapshot.task.state === state });

async function eventsOf(task: TaskHandle): Promise<readonly string[]> {
  const events: string[] = [];
  for await (const { kind, from, to } of task.events()) events.push(`${kind} ${from ?? '-'} ${to ?? '-'}`);
  return events;
}

describe('a running task that is paused', () => {
  it('keeps what was done, and goes on from the checkpoints when it is resumed', async () => {
    const meta = { subtasks: 4, sleepMs: 30_000, parts: 30, runsFile: runs.path };
    const task = await cluster.client.submit({ type: 'toy', slots: 2, slotsPerSubtask: 1, meta });
    await waitUntil(
      () => Promise.resolve(runs.lines(task.id)),
      (lines) => lines.filter((line) => line.endsWith('part-2')).length === 4,
      { what: 'every subtask to have a checkpoint' },
    );
    expect(await task.pause({ reason: 'lunch' })).toMatchObject({ changed: true });
    const paused = await untilState(task, 'paused');
    expect(paused.task).toMatchObject({ state: 'paused', nodes: [], outcome: null });
    expect(paused.steps[0]?.subtasks).toMatchObject({ running: 0, pending: 4, failed: 0 });
    const before = runs.lines(task.id).length;
    expect(await task.pause()).toMatchObject({ changed: false });

    await task.modify({ meta: { sleepMs: 60 } });
    await task.resume();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
    await expectEachOnce(task, 4);
    // Nothing ran meanwhile, and no part was done twice.
    expect(runs.lines(task.id)[before]).toMatch(/^\d\/2 start$/);
    const parts = runs.notes(task.id).filter((note) => note.what.startsWith('part-'));
    expect(new Set(parts.map(({ ordinal, what }) => `${ordinal} ${what}`)).size).toBe(120);
    expect(parts.length).toBeLessThanOrEqual(124);
    for await (const subtask of task.subtasks()) expect(subtask.failures).toBe(0);
    expect(await eventsOf(task)).toEqual(
      expect.arrayContaining([
        'pause running pausing',
        'settle pausing paused',
        'modify paused modifying',
        'apply modifying paused',
        'resume paused resuming',
        'continue resuming running',
      ]),
    );
  });

  it('waits for what may not run again', async () => {
    const latch = runs.newLatch();
    const meta = { subtasks: 6, latches: [latch.path], runsFile: runs.path };
    const task = await cluster.client.submit({ type: 'toy-once', slots: 1, meta });
    await runs.untilStarted(task.id, 2);
    await task.pause();
    latch.open();
    const paused = await untilState(task, 'paused');
    expect(paused.steps[0]?.subtasks).toMatchObject({ running: 0, failed: 0, succeeded: 2, pending: 4 });
    await task.resume();
    await task.wait(deadline());
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
    await expectEachOnce(task, 6);
  });

  it('goes on with the progress that its checkpoints had', async () => {
    const meta = { subtasks: 2, parts: 4, partRows: 10, sleepMs: 400, runsFile: runs.path };
    const task = await cluster.client.submit({ type: 'toy', slots: 1, meta });
    await waitUntil(
      () => Promise.resolve(runs.lines(task.id)),
      (lines) => lines.some((line) => line.endsWith('part-2')),
      { what: 'a second part' },
    );
    await task.pause();
    await untilState(task, 'paused');
    await task.resume();
    const ended = await task.wait(deadline());
    // Each subtask counts its parts, and one more row when it is done.
    expect(ended.steps[0]?.rows).toBe(2 * (4 * 10 + 1));
    await expectEachOnce(task, 2);
  });

  it('deals with what failed meanwhile when it is resumed', async () => {
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy-once',
      meta: { subtasks: 2, latches: [latch.path], failAtEnd: [2], runsFile: runs.path },
    });
    await runs.untilStarted(task.id, 2);
    await task.pause();
    latch.open();
    const paused = await untilState(task, 'paused');
    expect(paused.steps[0]?.subtasks).toMatchObject({ succeeded: 1, failed: 1 });
    await task.resume();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'TOY_FAILED' } });
  });
});

describe('a task that is paused before it runs', () => {
  it('waits and is planned once it is resumed', async () => {
    const task = await cluster.client.submit({ type: 'toy', scope: 'nowhere', meta: { subtasks: 2 } });
    await task.pause();
    await untilState(task, 'paused');
    await task.resume();
    await untilState(task, 'pending');
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });

  it('is planned anew when it was paused in the middle of a plan', async () => {
    const latch = runs.newLatch();
    const meta = { subtasks: 40, planLatch: { path: latch.path, after: 20 }, sleepMs: 0 };
    const task = await cluster.client.submit({ type: 'toy', meta });
    await waitUntil(
      () => task.get(),
      (detail) => detail.controls.some((control) => control.kind === 'plan' && control.state === 'running'),
      { what: 'a running plan' },
    );
    await task.pause();
    const paused = await untilState(task, 'paused');
    expect(paused.task.step).toBeNull();
    latch.open();
    await task.resume();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 40 } });
    await expectEachOnce(task, 40);
  });
});

it('a paused task is canceled and undone like any other', async () => {
  const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 8, sleepMs: 60_000 } });
  await untilRunning(task, 2);
  await task.pause();
  await untilState(task, 'paused');
  await task.cancel();
  const ended = await task.wait(deadline());
  expect(ended.task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  expect(await eventsOf(task)).toEqual(
    expect.arrayContaining(['cancel paused cancelling', 'stop cancelling reverting']),
  );
});

it('errors that its type names pause it instead of failing it', async () => {
  const fixedFile = `${runs.path}-disk`;
  const meta = { subtasks: 3, failAlways: [1, 2], failCode: 'TOY_DISK_FULL', fixedFile };
  const task = await cluster.client.submit({ type: 'toy', meta });
  const paused = await untilState(task, 'paused');
  expect(paused.task.error).toMatchObject({ code: 'TOY_DISK_FULL' });
  writeFileSync(fixedFile, '');
  await task.resume();
  const ended = await task.wait(deadline());
  expect(ended.task).toMatchObject({ state: 'succeed', error: null, result: { total: 3 } });
});
