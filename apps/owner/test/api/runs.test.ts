import { connectBus, type Bus } from '@longshore/bus';
import { startBroker, type Broker } from '@longshore/embedded';
import type { ApiHandlers, SubmitReply, SubmitRequest } from '@longshore/protocol';
import { registerType } from '@longshore/store';
import { waitUntil } from '@longshore/test-kit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { apiHandlers } from '../../src/api/handlers.ts';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(16);
let broker: Broker;
let answering: Bus;
let client: Bus;
/** Submits whose answers are lost from now on; what they came to. */
let unanswered = 0;
const lost: SubmitReply[] = [];

beforeAll(async () => {
  broker = await startBroker({});
  const connect = (name: string, requestTimeoutMs?: number): Promise<Bus> =>
    connectBus({
      servers: broker.url,
      cluster: 'test',
      name,
      ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    });
  [answering, client] = await Promise.all([connect('owner'), connect('client')]);
  const handlers = apiHandlers({
    store: owner.store(),
    bus: answering,
    instance: 'o1',
    logger: { info: () => undefined },
    tracing: null,
    wakeLeader: () => undefined,
    maxScheduledTasks: 16,
  });
  const submit: ApiHandlers['task.submit'] = async (request, caller) => {
    const isLost = unanswered-- > 0;
    const reply = await handlers['task.submit'](request, caller);
    if (!isLost) return reply;
    lost.push(reply);
    return new Promise<never>(() => undefined);
  };
  answering.answer({ ...handlers, 'task.submit': submit });
  await answering.flush();
  const type = { type: 'toy', version: '1.0.0', description: '', contract: 1 };
  await registerType(owner.store().db, { ...type, steps: ['load'], hooks: [], schema: {}, defaults: {} });
});
afterAll(async () => {
  await Promise.all([client.close(), answering.close()]);
  await broker.stop();
});
beforeEach(() => {
  unanswered = 0;
  lost.length = 0;
});

let keys = 0;
const request = (more: Partial<SubmitRequest> = {}): SubmitRequest => ({
  type: 'toy',
  meta: {},
  key: `key-${keys}`,
  ...more,
});
const submit = (more: Partial<SubmitRequest> = {}): Promise<SubmitReply> =>
  client.request('task.submit', request(more));
/** Sends a submit whose answer is lost, and waits until it has been carried out. */
async function submitInVain(more: Partial<SubmitRequest>): Promise<SubmitReply> {
  const before = lost.length;
  unanswered = 1;
  client.request('task.submit', request(more)).catch(() => undefined);
  const replies = await waitUntil(
    () => Promise.resolve(lost),
    (all) => all.length > before,
    { what: 'the submit was carried out' },
  );
  return replies[before]!;
}
/** A key with a canceled first run. */
async function canceledKey(): Promise<string> {
  keys += 1;
  const { task } = await submit();
  await client.request('task.cancel', { task: { id: task.id } });
  return task.id;
}

test('after a canceled end nothing starts by itself; again starts the next run, and the runs of the key are listed', async () => {
  const first = await canceledKey();
  expect(await submit()).toMatchObject({ created: false, task: { id: first, run: 1, outcome: 'canceled' } });
  const second = await submit({ again: true });
  expect(second).toMatchObject({ created: true, task: { run: 2, state: 'pending', outcome: null } });
  const key = request().key ?? '';
  const { tasks, next } = await client.request('task.runs', { key, limit: 1 });
  expect(tasks).toMatchObject([{ id: second.task.id, run: 2 }]);
  expect(await client.request('task.runs', { key, before: next ?? '' })).toMatchObject({
    tasks: [{ id: first, run: 1 }],
    next: null,
  });
  expect(await client.request('task.view', { task: { key } })).toMatchObject({ task: { id: second.task.id, run: 2 } });
  // An earlier run says which one is the newest.
  expect(await client.request('task.get', { task: { id: first } })).toMatchObject({ newestRun: second.task.id });
  expect(await client.request('task.get', { task: { key } })).toMatchObject({ newestRun: null });
});

test('a submit again whose answers are lost starts one run, also when that has ended before it is sent again', async () => {
  await canceledKey();
  const call = { again: true, submitId: `call-${keys}` };
  const second = await submitInVain(call);
  expect((await submitInVain(call)).task.id).toBe(second.task.id);
  await client.request('task.cancel', { task: { id: second.task.id } });
  expect(await submit(call)).toMatchObject({ created: true, task: { id: second.task.id, outcome: 'canceled' } });
  expect((await client.request('task.runs', { key: request().key ?? '' })).tasks).toHaveLength(2);
});

test('a submit that is sent again while it is carried out gets the same answer, and takes no further number', async () => {
  keys += 1;
  const call = { submitId: `call-${keys}` };
  const [first, again] = await Promise.all([submit(call), submit(call)]);
  expect([first.created, again]).toEqual([true, first]);
  expect(await submit(call)).toMatchObject({ created: true, task: { id: first.task.id } });
  keys += 1;
  expect(Number((await submit()).task.id)).toBe(Number(first.task.id) + 1);
});

test('a first submit whose answer is lost is the same call when it is sent again, with its key and without', async () => {
  keys += 1;
  const call = { submitId: `call-${keys}` };
  const first = await submitInVain(call);
  expect(await submit(call)).toMatchObject({ created: true, task: { id: first.task.id, run: 1 } });
  const keyless = { submitId: `keyless-${keys}`, key: undefined };
  const task = await submitInVain(keyless);
  expect(await submit(keyless)).toMatchObject({ created: true, task: { id: task.task.id, key: keyless.submitId } });
});

test('tries of one submit that arrive at once start one run', async () => {
  await canceledKey();
  const call = { again: true, submitId: `call-${keys}` };
  const replies = await Promise.all(Array.from({ length: 12 }, () => submit(call)));
  expect(new Set(replies.map(({ task }) => task.id)).size).toBe(1);
  expect(replies.every(({ created }) => created)).toBe(true);
  expect((await client.request('task.runs', { key: request().key ?? '' })).tasks).toHaveLength(2);
});
