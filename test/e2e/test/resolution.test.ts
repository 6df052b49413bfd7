import { writeFileSync } from 'node:fs';
import type { TaskHandle } from '@longshore/client';
import type { TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, startToyCluster } from '../src/toy-cluster.ts';

let runs: RunsFile;
let cluster: TestCluster;
let files = 0;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster();
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** A file that makes what was told to fail succeed, once it is there. */
const newFixedFile = (): string => `${runs.path}-fixed-${++files}`;

const held = (task: TaskHandle) =>
  task.wait({ ...deadline(), until: (snapshot) => snapshot.task.state === 'awaiting-resolution' });

describe('a task that holds its failure', () => {
  const submit = (fixedFile: string, meta: object = {}) =>
    cluster.client.submit({
      type: 'toy',
      onFailure: 'hold',
      meta: { subtasks: 4, failAlways: [2], fixedFile, ...meta },
    });

  it('succeeds when what failed is tried again and works', async () => {
    const fixedFile = newFixedFile();
    const task = await submit(fixedFile);
    expect((await held(task)).task.error).toMatchObject({ code: 'TOY_FAILED' });
    writeFileSync(fixedFile, '');
    expect(await task.retry({ reason: 'the disk is back' })).toMatchObject({ changed: true, task: { error: null } });
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 }, error: null });
  });

  it('is held again when it fails again', async () => {
    const task = await submit(newFixedFile());
    await held(task);
    await task.retry();
    await held(task);
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });

  it('succeeds without what failed when that is skipped', async () => {
    const task = await submit(newFixedFile());
    await held(task);
    await task.skip();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 3 }, error: null });
    const skipped: number[] = [];
    for await (const subtask of task.subtasks({ states: ['skipped'] })) skipped.push(subtask.ordinal);
    expect(skipped).toEqual([2]);
  });

  it('is undone as a failed one when it is reverted', async () => {
    const task = await submit(newFixedFile());
    await held(task);
    await task.revert();
    expect((await task.wait(deadline())).task).toMatchObject({
      state: 'reverted',
      outcome: 'failed',
      error: { code: 'TOY_FAILED' },
    });
  });

  it('whose plan failed can be planned again, and not be skipped', async () => {
    for (const failPlanOf of [['sleep'], ['count']]) {
      const fixedFile = newFixedFile();
      const task = await submit(fixedFile, { failAlways: [], failHooks: ['plan'], failPlanOf });
      await held(task);
      await expect(task.skip()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
      writeFileSync(fixedFile, '');
      await task.retry();
      expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
    }
  });

  it('can be modified, and goes on with that', async () => {
    const fixedFile = newFixedFile();
    const task = await submit(fixedFile);
    await held(task);
    await task.modify({ onFailure: 'revert', slots: 2 });
    expect((await task.get()).task).toMatchObject({ state: 'awaiting-resolution', slots: 2 });
    await task.retry();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted' });
  });
});

describe('a hook that fails for good', () => {
  it('of planning undoes the task where it is not to be held', async () => {
    for (const failPlanOf of [['sleep'], ['count']]) {
      const task = await cluster.client.submit({ type: 'toy', meta: { failHooks: ['plan'], failPlanOf } });
      expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'TOY_PLAN' } });
    }
  });

  it('at the end holds the task, whatever onFailure says; it is tried again, or left out', async () => {
    const fixedFile = newFixedFile();
    const meta = { failHooks: ['finish'], fixedFile };
    const [first, second] = [
      await cluster.client.submit({ type: 'toy', meta }),
      await cluster.client.submit({ type: 'toy', meta: { ...meta, fixedFile: newFixedFile() } }),
    ];
    await held(first);
    writeFileSync(fixedFile, '');
    await first.retry();
    expect((await first.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
    await held(second);
    await second.skip();
    expect((await second.wait(deadline())).task).toMatchObject({ state: 'succeed', result: null, error: null });
  });

  it('of a revert holds the task; it is tried again, left out, or skipped by force', async () => {
    const fixedFile = newFixedFile();
    const submit = async (file: string): Promise<TaskHandle> => {
      const task = await cluster.client.submit({
        type: 'toy',
        meta: { subtasks: 2, failAlways: [1], failHooks: ['revert'], fixedFile: file },
      });
      await held(task);
      return task;
    };
    const [first, second, third] = [
      await submit(fixedFile),
      await submit(newFixedFile()),
      await submit(newFixedFile()),
    ];
    writeFileSync(fixedFile, '');
    // The hook had begun: nobody knows what it has undone.
    await expect(first.resume()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    await first.retry();
    expect((await first.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'failed' });
    await second.skip();
    expect((await second.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'failed' });
    await third.cancel({ force: true });
    expect((await third.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
    const kinds: string[] = [];
    for await (const event of third.events()) kinds.push(event.kind);
    expect(kinds).toContain('hook-skipped');
  });
});
