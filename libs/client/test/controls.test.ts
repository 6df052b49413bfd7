import { startBroker, type Broker } from '@longshore/embedded';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectLongshore, type LongshoreClient, type TaskHandle } from '../src/index.ts';
import { FakeOwner } from './fake-owner.ts';

let broker: Broker;
let owner: FakeOwner;
let client: LongshoreClient;
let task: TaskHandle;

beforeEach(async () => {
  broker = await startBroker();
  owner = await FakeOwner.start(broker.url, 'test');
  client = await connectLongshore({ servers: broker.url, cluster: 'test', requestTimeoutMs: 2_000 });
  owner.put();
  task = await client.task({ id: '1' });
});

afterEach(async () => {
  await client.close();
  await owner.bus.close();
  await broker.stop();
});

const ref = { task: { id: '1' } };

describe('a control', () => {
  test.each([
    { name: 'pause', from: 'running', to: 'pausing' },
    { name: 'resume', from: 'paused', to: 'resuming' },
    { name: 'retry', from: 'awaiting-resolution', to: 'running' },
    { name: 'skip', from: 'awaiting-resolution', to: 'running' },
    { name: 'revert', from: 'awaiting-resolution', to: 'reverting' },
    { name: 'restart', from: 'awaiting-resolution', to: 'reverting' },
    { name: 'cancel', from: 'paused', to: 'reverted' },
  ] as const)('$name resolves once it is decided, and says why it was asked for', async ({ name, from, to }) => {
    owner.change('1', { state: from });
    expect(await task[name]({ reason: 'for a reason' })).toMatchObject({ changed: true, task: { state: to } });
    expect(owner.controls).toEqual([{ method: `task.${name}`, ...ref, reason: 'for a reason' }]);
  });

  test('of a state that it is in already changes nothing', async () => {
    await task.pause();
    expect(await task.pause()).toMatchObject({ changed: false, task: { state: 'pausing' } });
  });

  test('that the state does not allow is refused with the state named', async () => {
    await expect(task.resume()).rejects.toMatchObject({ code: 'STATE_CONFLICT', details: { state: 'running' } });
    await expect(task.revert()).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  test('cancel can be forced', async () => {
    await task.cancel({ force: true });
    expect(owner.controls).toEqual([{ method: 'task.cancel', ...ref, force: true }]);
  });
});

describe('modify', () => {
  test('resolves once it is applied, with the task as it is then', async () => {
    owner.onModify = (id) => owner.change(id, { state: 'running', slots: 4, maxNodes: null });
    const reply = await task.modify({ slots: 4, maxNodes: null }, { reason: 'more' });
    expect(reply).toMatchObject({ changed: true, task: { state: 'running', slots: 4 } });
    expect(owner.controls).toEqual([
      { method: 'task.modify', ...ref, changes: { slots: 4, maxNodes: null }, reason: 'more' },
    ]);
  });

  test('throws what the type refuses it with', async () => {
    owner.onModify = (id) => {
      owner.event({
        kind: 'drop',
        from: 'modifying',
        to: 'running',
        message: 'TOY_FIXED: the table\ncannot be changed',
      });
      owner.change(id, { state: 'running' });
    };
    await expect(task.modify({ meta: { table: 'b' } })).rejects.toMatchObject({
      name: 'RemoteError',
      code: 'TOY_FIXED',
      permanent: true,
      message: 'the table\ncannot be changed',
    });
  });

  test('throws when a cancel dropped it', async () => {
    owner.onModify = (id) => {
      owner.event({ kind: 'cancel', from: 'modifying', to: 'cancelling' });
      owner.change(id, { state: 'cancelling' });
    };
    await expect(task.modify({ slots: 4 })).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  test.each([true, false])(
    'is not blamed for a modification that was refused before (the reply names its event: %s)',
    async (namesEvents) => {
      owner.namesEvents = namesEvents;
      owner.event({ kind: 'modify', from: 'running', to: 'modifying' });
      owner.event({ kind: 'drop', from: 'modifying', to: 'running', message: 'TOY_FIXED: no' });
      owner.onModify = (id) => {
        owner.event({ kind: 'apply', from: 'modifying', to: 'running' });
        owner.change(id, { state: 'running' });
      };
      expect(await task.modify({ slots: 4 })).toMatchObject({ changed: true });
    },
  );

  test('is not blamed for a later one', async () => {
    owner.onModify = (id) => {
      owner.event({ kind: 'apply', from: 'modifying', to: 'running' });
      owner.event({ kind: 'modify', from: 'running', to: 'modifying' });
      owner.event({ kind: 'drop', from: 'modifying', to: 'running', message: 'TOY_FIXED: no' });
      owner.change(id, { state: 'running' });
    };
    expect(await task.modify({ slots: 4 })).toMatchObject({ changed: true });
  });

  test("ends with the signal's reason, and the change goes on", async () => {
    owner.onModify = () => undefined;
    const stop = new AbortController();
    const modifying = task.modify({ slots: 4 }, { signal: stop.signal });
    await expect.poll(() => owner.asked['task.view']).toBe(1);
    stop.abort(new Error('enough'));
    await expect(modifying).rejects.toThrow('enough');
    expect((await task.get()).task.state).toBe('modifying');
  });

  test('names the field of a bad change', async () => {
    await expect(task.modify({ priority: 5_000 })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('priority') as string,
    });
    await expect(task.modify({})).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  });
});

describe('retry with meta', () => {
  test('modifies first', async () => {
    owner.change('1', { state: 'awaiting-resolution' });
    owner.onModify = (id) => owner.change(id, { state: 'awaiting-resolution' });
    expect(await task.retry({ meta: { table: 'b' }, reason: 'typo' })).toMatchObject({ task: { state: 'running' } });
    expect(owner.controls).toEqual([
      { method: 'task.modify', ...ref, changes: { meta: { table: 'b' } }, reason: 'typo' },
      { method: 'task.retry', ...ref, reason: 'typo' },
    ]);
  });

  test('retries nothing when the change is refused', async () => {
    owner.change('1', { state: 'awaiting-resolution' });
    owner.onModify = (id) => {
      owner.event({ kind: 'drop', from: 'modifying', to: 'awaiting-resolution', message: 'TOY_FIXED: no' });
      owner.change(id, { state: 'awaiting-resolution' });
    };
    await expect(task.retry({ meta: { table: 'b' } })).rejects.toMatchObject({ code: 'TOY_FIXED' });
    expect(owner.controls.map(({ method }) => method)).toEqual(['task.modify']);
  });
});

test('a wait goes on while the task is paused or awaits resolution', async () => {
  const seen: string[] = [];
  const waiting = task.wait({
    until: (snapshot) => {
      seen.push(snapshot.task.state);
      return false;
    },
  });
  for (const state of ['paused', 'awaiting-resolution']) {
    owner.change('1', { state });
    await expect.poll(() => seen.at(-1)).toBe(state);
  }
  owner.change('1', { state: 'succeed', outcome: 'succeeded' });
  expect((await waiting).task.state).toBe('succeed');
});

test('limits are shown and set', async () => {
  expect(await client.limits()).toEqual({ maxScheduledTasks: 16 });
  expect(await client.setLimits({ maxScheduledTasks: 64 })).toEqual({ maxScheduledTasks: 64 });
  expect(await client.limits()).toEqual({ maxScheduledTasks: 64 });
  expect(await client.setLimits({ maxSubtasksPerStep: 5_000_000 })).toEqual({
    maxScheduledTasks: 64,
    maxSubtasksPerStep: 5_000_000,
  });
  await expect(client.setLimits({ maxSubtasksPerStep: 0 })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  await expect(client.setLimits({})).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
});
