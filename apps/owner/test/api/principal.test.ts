import { connectBus, type Bus } from '@longshore/bus';
import type { PrincipalClaim } from '@longshore/core';
import { startBroker, type Broker } from '@longshore/embedded';
import { registerType } from '@longshore/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiHandlers } from '../../src/api/handlers.ts';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(16);
let broker: Broker;
let answering: Bus;
let client: Bus;
const logged: unknown[] = [];

beforeAll(async () => {
  broker = await startBroker({});
  const connect = (name: string): Promise<Bus> => connectBus({ servers: broker.url, cluster: 'test', name });
  [answering, client] = await Promise.all([connect('owner'), connect('client')]);
  answering.answer(
    apiHandlers({
      store: owner.store(),
      bus: answering,
      instance: 'o1',
      logger: { info: (fields: unknown) => void logged.push(fields) },
      tracing: null,
      wakeLeader: () => undefined,
      maxScheduledTasks: 16,
    }),
  );
  await answering.flush();
});
afterAll(async () => {
  await Promise.all([client.close(), answering.close()]);
  await broker.stop();
});

test('who asks goes from the request to the event, as a claim', async () => {
  const id = await owner.submit('asked');
  const task = { id };
  const principal = { name: 'Zoë', role: 'operator' };
  await client.request('task.pause', { task }, { principal: { name: 'alice' } });
  await client.request('task.cancel', { task, reason: 'wrong file' }, { principal });
  const { events } = await client.request('task.events', { task });
  expect(events.map(({ kind, actor, principal: by }) => [kind, actor, by])).toEqual([
    ['submit', 'client test', null],
    ['pause', 'api o1', { name: 'alice', role: null, isVerified: false }],
    ['cancel', 'api o1', { ...principal, isVerified: false }],
  ]);
  expect(await client.request('task.get', { task })).toMatchObject({ submittedBy: null });
});

test('a task says who submitted it; a submit without a name has none', async () => {
  const type = { type: 'toy', version: '1.0.0', description: '', contract: 1 };
  await registerType(owner.store().db, { ...type, steps: ['load'], hooks: [], schema: {}, defaults: {} });
  const submit = async (principal: PrincipalClaim | null): Promise<unknown> => {
    const { task } = await client.request('task.submit', { type: 'toy', meta: {} }, { principal });
    return (await client.request('task.get', { task: { id: task.id } })).submittedBy;
  };
  expect(await submit({ name: 'alice' })).toEqual({ name: 'alice', role: null, isVerified: false });
  expect(await submit(null)).toBeNull();
});

test('the log says who changed the limits of the cluster', async () => {
  await client.request('limits.set', { maxScheduledTasks: 3 }, { principal: { name: 'alice' } });
  const principal = { name: 'alice', role: null, isVerified: false };
  expect(logged).toEqual([{ changed: { maxScheduledTasks: 3 }, principal }]);
});
