import { startBroker, type Broker } from '@longshore/embedded';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectLongshore, TaskFailedError, type ConnectOptions, type LongshoreClient } from '../src/index.ts';
import { FakeOwner } from './fake-owner.ts';

let broker: Broker;
let owner: FakeOwner;
let client: LongshoreClient;

beforeEach(async () => {
  broker = await startBroker({ token: 'secret' });
  owner = await FakeOwner.start(broker.url, 'test', 'secret');
  client = await connectLongshore({ servers: broker.url, token: 'secret', cluster: 'test', requestTimeoutMs: 200 });
});

afterEach(async () => {
  await client.close();
  await owner.bus.close();
  await broker.stop();
});

describe('who asks', () => {
  const options = (): ConnectOptions => ({ servers: broker.url, token: 'secret', cluster: 'test' });

  test('is told with each request, and is nobody where the application names nobody', async () => {
    await client.submit({ type: 'toy', meta: {} });
    await using named = await connectLongshore({ ...options(), principal: { name: 'billing', role: 'submitter' } });
    await named.submit({ type: 'toy', meta: {} });
    expect(owner.principals).toEqual([null, { name: 'billing', role: 'submitter', isVerified: false }]);
  });

  test('is refused before anything is sent when it could not be written down', async () => {
    const connecting = connectLongshore({ ...options(), principal: { name: 'bill\ning' } });
    await expect(connecting).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  });
});

// Seen before: beside one stopped owner of two, half of all looks took five seconds and failed.
describe('an owner that stands still', () => {
  test('costs a look or a submit a second: another one is asked', async () => {
    await using patient = await connectLongshore({ servers: broker.url, token: 'secret', cluster: 'test' });
    owner.lostRequests = 1;
    const task = await patient.submit({ type: 'toy', meta: {} });
    expect([owner.asked['task.submit'], new Set(owner.submitIds).size, owner.tasks.size]).toEqual([2, 1, 1]);
    owner.lostRequests = 2;
    expect(await task.get()).toMatchObject({ task: { id: task.id } });
    expect(owner.asked['task.get']).toBe(3);
  });

  test('is not asked twice to change something that is no submit', async () => {
    owner.put({ id: '7' });
    const task = await client.task({ id: '7' });
    owner.lostRequests = 1;
    await expect(task.pause()).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    expect(owner.controls).toEqual([]);
  });

  test('and one that refuses is an answer', async () => {
    await using patient = await connectLongshore({ servers: broker.url, token: 'secret', cluster: 'test' });
    owner.lostRequests = 1;
    await expect(patient.submit({ type: 'nothing', meta: {} })).rejects.toMatchObject({ code: 'TYPE_UNKNOWN' });
  });
});

describe('submit', () => {
  test('a submit without a key makes a random one', async () => {
    const one = await client.submit({ type: 'toy', meta: {} });
    const two = await client.submit({ type: 'toy', meta: {} });
    expect(one.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(two.key).not.toBe(one.key);
    expect(one).toMatchObject({ id: '1', created: true, task: { type: 'toy' } });
  });

  test('a submit whose answer was lost is sent again with the same key, and is one task', async () => {
    owner.unansweredSubmits = 1;
    const task = await client.submit({ type: 'toy', meta: {} });
    expect(task.created).toBe(true);
    expect(owner.asked['task.submit']).toBe(2);
    expect(owner.tasks.size).toBe(1);
  });

  test('a submit waits for an open transaction that has its key, and says so when that stays open', async () => {
    owner.lockedSubmits = 2;
    expect((await client.submit({ type: 'toy', meta: {}, key: 'mine' })).created).toBe(true);
    expect(owner.asked['task.submit']).toBe(3);
    owner.lockedSubmits = Infinity;
    const refused = client.submit({ type: 'toy', meta: {}, key: 'mine' });
    await expect(refused).rejects.toMatchObject({ code: 'ROW_LOCKED', permanent: false });
  });

  test('a submit to an owner that is too busy is sent again with its id, and says so when that stays busy', async () => {
    owner.busySubmits = 2;
    expect((await client.submit({ type: 'toy', meta: {} })).created).toBe(true);
    expect(new Set(owner.submitIds).size).toBe(1);
    expect(owner.submitIds).toHaveLength(3);
    owner.busySubmits = Infinity;
    await expect(client.submit({ type: 'toy', meta: {} })).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(owner.submitIds).toHaveLength(7);
  });

  test('each call has an id of its own, which all its tries carry; one may be given', async () => {
    owner.unansweredSubmits = 2;
    await client.submit({ type: 'toy', meta: {}, key: 'mine', again: true });
    await client.submit({ type: 'toy', meta: {}, key: 'mine', again: true });
    await client.submit({ type: 'toy', meta: {}, submitId: 'given' });
    const [first, second, third, fourth, fifth] = owner.submitIds;
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect([second, third, fifth]).toEqual([first, first, 'given']);
    expect(fourth).not.toBe(first);
  });

  test('the runs of a key are listed, newest first', async () => {
    for (const id of ['7', '8']) owner.put({ id, key: 'mine', run: Number(id) - 6 });
    const runs: unknown[] = [];
    for await (const { id, run } of client.runs('mine')) runs.push([id, run]);
    expect(runs).toEqual([
      ['8', 2],
      ['7', 1],
    ]);
  });

  test('a second submit of the same key gives the first task', async () => {
    await client.submit({ type: 'toy', meta: {}, key: 'mine' });
    expect(await client.submit({ type: 'toy', meta: {}, key: 'mine' })).toMatchObject({ id: '1', created: false });
  });

  test('without any answer it says which key to look for', async () => {
    owner.unansweredSubmits = Infinity;
    const thrown: unknown = await client
      .submit({ type: 'toy', meta: {}, key: 'mine' })
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'BUS_TIMEOUT', details: { key: 'mine', submitId: owner.submitIds[0] } });
    expect(owner.asked['task.submit']).toBe(4);
  });

  test('without an owner it fails at once', async () => {
    await owner.leave();
    await expect(client.submit({ type: 'toy', meta: {} })).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  });

  test("an owner's refusal keeps its code", async () => {
    await expect(client.submit({ type: 'nope', meta: {} })).rejects.toMatchObject({
      name: 'RemoteError',
      code: 'TYPE_UNKNOWN',
      permanent: true,
    });
  });

  test('a meta that no owner would take is not sent', async () => {
    const submit = client.submit({ type: 'toy', meta: { text: 'x'.repeat(2_000_000) } });
    await expect(submit).rejects.toMatchObject({ code: 'META_TOO_LARGE' });
    expect(owner.asked['task.submit']).toBeUndefined();
  });

  test("the caller's trace travels along", async () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
    await client.submit({ type: 'toy', meta: {} }, { trace });
    expect(owner.traces).toEqual([trace]);
  });
});

describe('a task', () => {
  test('is found by id and by key', async () => {
    owner.put({ id: '7', key: 'seven' });
    expect((await client.task({ id: '7' })).key).toBe('seven');
    expect((await client.task({ key: 'seven' })).id).toBe('7');
    await expect(client.task({ id: '8' })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  test('its result is what it returned', async () => {
    owner.put({ state: 'succeed', outcome: 'succeeded', result: { rows: 3 } });
    expect(await (await client.task({ id: '1' })).result()).toEqual({ rows: 3 });
  });

  test("a failed one throws the task's own error", async () => {
    const error = { code: 'IMPORT_BAD_ROW', message: 'line 3', permanent: true, details: { line: 3 } };
    owner.put({ state: 'reverted', outcome: 'failed', error });
    const thrown: unknown = await (await client.task({ id: '1' })).result().catch((thrown: unknown) => thrown);
    expect(thrown).toBeInstanceOf(TaskFailedError);
    expect(thrown).toMatchObject({
      code: 'IMPORT_BAD_ROW',
      permanent: true,
      details: { line: 3 },
      message: 'task 1 (toy) failed: line 3',
    });
  });

  test('a canceled one throws TASK_CANCELED', async () => {
    owner.put();
    const task = await client.task({ id: '1' });
    expect(await task.cancel({ reason: 'no more' })).toMatchObject({ changed: true });
    await expect(task.result()).rejects.toMatchObject({ code: 'TASK_CANCELED' });
  });
});

describe('lists', () => {
  test('are read page by page', async () => {
    for (let id = 1; id <= 450; id += 1) {
      owner.put({ id: String(id), key: `key-${id}` });
      owner.events.push({
        seq: id,
        at: '2026-01-01T00:00:00.000Z',
        actor: 'owner',
        kind: 'state',
        from: null,
        to: null,
        subtaskId: null,
        message: null,
      });
      owner.subtasks.push({
        id: String(id),
        kind: 'work',
        step: 'work',
        ordinal: id,
        state: 'pending',
        node: 'n1',
        attempt: 0,
        failures: 0,
        rows: 0,
        bytes: 0,
        error: null,
        startedAt: null,
        endedAt: null,
      });
    }
    const task = await client.task({ id: '1' });
    expect((await collect(task.events())).map(({ seq }) => seq)).toEqual(range(1, 450));
    expect((await collect(task.events({ after: 440 }))).map(({ seq }) => seq)).toEqual(range(441, 450));
    expect((await collect(task.subtasks())).map(({ ordinal }) => ordinal)).toEqual(range(1, 450));
    expect(owner.asked).toMatchObject({ 'task.events': 4, 'task.subtasks': 3 });
    const tasks = await collect(client.listAll({ limit: 100 }));
    expect(tasks.map(({ id }) => Number(id))).toEqual(range(1, 450).reverse());
    expect(await client.list({ limit: 2 })).toMatchObject({ tasks: [{ id: '450' }, { id: '449' }], next: '449' });
  });

  test('take filters along on every page', async () => {
    owner.put();
    const task = await client.task({ id: '1' });
    const filters = { states: ['reverted'], type: 'toy', outcome: 'failed', keyPrefix: 'orders-' } as const;
    await collect(client.listAll({ ...filters, states: [...filters.states], history: true, limit: 10 }));
    await collect(task.subtasks({ states: ['failed', 'running'], step: 'load', after: '7' }));
    expect(owner.lists).toEqual([
      { ...filters, history: true, limit: 10 },
      { task: { id: '1' }, states: ['failed', 'running'], step: 'load', after: '7', limit: 200 },
    ]);
  });

  test('types can be narrowed to one', async () => {
    expect((await client.types()).map(({ type }) => type)).toEqual(['toy', 'other']);
    expect((await client.types('toy')).map(({ type }) => type)).toEqual(['toy']);
    expect(await client.nodes()).toEqual([]);
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
