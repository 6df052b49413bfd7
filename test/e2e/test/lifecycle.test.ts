import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { deadline, startToyCluster } from '../src/toy-cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startToyCluster({ executors: 2 });
});
afterAll(() => cluster.stop());
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

describe('a task', () => {
  it('goes from submit through both steps into history', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 10 } });
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', outcome: 'succeeded', result: { total: 10 } });
    expect(ended.steps.map((step) => [step.step, step.subtasks.succeeded])).toEqual([
      ['sleep', 10],
      ['count', 1],
    ]);
    const archived = await waitUntil(
      () => task.get(),
      (detail) => detail.task.isArchived,
      { what: 'the archive' },
    );
    expect(archived.task.result).toEqual({ total: 10 });
  });

  it('spreads its subtasks over both nodes', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 20, sleepMs: 30 } });
    await task.wait(deadline());
    const nodes = new Set<string>();
    for await (const subtask of task.subtasks())
      if (subtask.step === 'sleep' && subtask.kind === 'work') nodes.add(subtask.node);
    expect([...nodes].toSorted()).toEqual(['executor-1', 'executor-2']);
  });

  it('passes a step without subtasks', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 0 } });
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 0 } });
  });

  it('plans more subtasks than a page holds', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      slots: 2,
      slotsPerSubtask: 1,
      meta: { subtasks: 2_500, sleepMs: 0 },
    });
    const ended = await task.wait(deadline());
    expect(ended.task.result).toEqual({ total: 2_500 });
  });

  it('leaves gapless events of its transitions', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 1 } });
    await task.wait(deadline());
    const events: string[] = [];
    let last = 0;
    for await (const event of task.events()) {
      expect(event.seq).toBe(++last);
      events.push(`${event.kind} ${event.from ?? '-'} ${event.to ?? '-'}`);
    }
    expect(events).toEqual([
      'submit - pending',
      'plan pending running',
      'plan running running',
      'finish running succeed',
    ]);
  });

  it('is the same task when it is submitted twice under one key', async () => {
    const submit = (subtasks: number) => cluster.client.submit({ type: 'toy', key: 'same-key', meta: { subtasks } });
    const first = await submit(1);
    const second = await submit(1);
    expect(second.id).toBe(first.id);
    await first.wait(deadline());
    expect((await submit(1)).id).toBe(first.id);
    await expect(submit(2)).rejects.toMatchObject({ code: 'TASK_KEY_TAKEN' });
  });

  it('is seen by a watcher from its first state to its last', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 4, sleepMs: 100 } });
    const states: string[] = [];
    for await (const detail of task.watch(deadline())) states.push(detail.task.state);
    expect(states.at(-1)).toBe('succeed');
  });
});

describe('a canceled task', () => {
  it('stops its running subtasks, calls the revert hook and ends as canceled', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 100, sleepMs: 60_000 } });
    await waitUntil(
      () => task.get(),
      (detail) => (detail.steps[0]?.subtasks.running ?? 0) === 2,
      { what: 'two running subtasks' },
    );
    const canceled = await task.cancel({ reason: 'changed my mind' });
    expect(canceled.changed).toBe(true);
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'reverted', outcome: 'canceled', error: { code: 'TASK_CANCELED' } });
    expect(ended.steps[0]?.subtasks).toMatchObject({ running: 0, pending: 0 });
    const kinds = new Set<string>();
    for await (const subtask of task.subtasks()) kinds.add(subtask.kind);
    expect(kinds).toContain('revert');
  });

  it('ends although its step is still being planned', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 1_000, planMs: 60_000 } });
    await waitUntil(
      () => task.get(),
      (detail) => detail.controls[0]?.state === 'running',
      { what: 'a running plan' },
    );
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });

  it('is over at once when no hook of its type ever ran', async () => {
    const task = await cluster.client.submit({ type: 'toy', scope: 'nowhere', meta: {} });
    const waiting = await waitUntil(
      () => task.get(),
      (detail) => detail.task.waiting !== null,
      { what: 'a reason to wait' },
    );
    expect(waiting.task).toMatchObject({ state: 'pending', waiting: { code: 'NO_NODE_IN_SCOPE' } });
    const reply = await task.cancel();
    expect(reply.task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });

  it('takes a second cancel as done, and refuses one after its end', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 2, sleepMs: 60_000 } });
    await waitUntil(
      () => task.get(),
      (detail) => detail.task.state === 'running',
      { what: 'a running task' },
    );
    const replies = await Promise.all([task.cancel(), task.cancel()]);
    expect(replies.map((reply) => reply.changed).toSorted()).toEqual([false, true]);
    await task.wait(deadline());
    await expect(task.cancel()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });
});

describe('a failing task', () => {
  it('tries a transient failure again and succeeds', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 3, failOnce: [2] } });
    const ended = await task.wait(deadline());
    expect(ended.task.state).toBe('succeed');
    for await (const subtask of task.subtasks()) {
      if (subtask.step === 'sleep' && subtask.ordinal === 2 && subtask.kind === 'work') {
        expect(subtask).toMatchObject({ attempt: 2, failures: 1, state: 'succeed' });
      }
    }
  });

  it('is reverted with the first error when a subtask fails for good', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 50, sleepMs: 5, failAlways: [3] } });
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({
      state: 'reverted',
      outcome: 'failed',
      error: { code: 'TOY_FAILED', message: 'subtask 3 was told to fail', permanent: true },
    });
    await expect(task.result()).rejects.toMatchObject({ code: 'TOY_FAILED' });
  });

  it('is reverted when its plan fails for good', async () => {
    const task = await cluster.client.submit({ type: 'toy', meta: { failHooks: ['plan'] } });
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'TOY_PLAN' } });
  });

  it('is held for a person when it was submitted so', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      onFailure: 'hold',
      meta: { subtasks: 2, failAlways: [1] },
    });
    await waitUntil(
      () => task.get(),
      (detail) => detail.task.state === 'awaiting-resolution',
      { what: 'a held task' },
    );
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });
});

describe('a request that makes no sense', () => {
  it.each([
    [{ type: 'nothing', meta: {} }, 'TYPE_UNKNOWN', /"nothing"/],
    [{ type: 'toy', typeVersion: '9.9.9', meta: {} }, 'TYPE_INCOMPATIBLE', /9\.9\.9/],
    [{ type: 'toy', meta: { subtasks: -1 } }, 'META_INVALID', /subtasks/],
    [{ type: 'toy', meta: { nonsense: 1 } }, 'META_INVALID', /nonsense/],
    [{ type: 'toy', meta: { failHooks: ['x'.repeat(300_000)] } }, 'META_TOO_LARGE', /300\d{3} bytes/],
    [{ type: 'toy', priority: 0, meta: {} }, 'ARGUMENT_INVALID', /priority/],
    [{ type: 'toy', slots: 1, slotsPerSubtask: 2, meta: {} }, 'ARGUMENT_INVALID', /slotsPerSubtask/],
  ])('case %# is refused with a code and the field', async (request, code, message) => {
    await expect(cluster.client.submit(request)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('names a task that does not exist', async () => {
    await expect(cluster.client.task({ id: '999999' })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await expect(cluster.client.task({ key: 'no such key' })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('says that a task wants more slots than any node has', async () => {
    const task = await cluster.client.submit({ type: 'toy', slots: 64, meta: {} });
    const waiting = await waitUntil(
      () => task.get(),
      (detail) => detail.task.waiting !== null,
      { what: 'a reason to wait' },
    );
    expect(waiting.task.waiting).toMatchObject({
      code: 'NO_SLOTS',
      message: expect.stringContaining('the largest node has 2'),
    });
    await task.cancel();
  });
});
