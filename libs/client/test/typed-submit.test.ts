import { startBroker, type Broker } from '@longshore/embedded';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import {
  connectLongshore,
  submitWithin,
  type LongshoreClient,
  type TaskHandle,
  type TaskTypeRef,
} from '../src/index.ts';
import { FakeOwner } from './fake-owner.ts';

interface ToyMeta {
  readonly rows: number;
  readonly note?: string;
}

/** What a package exports for applications. */
const typedToy: TaskTypeRef<'typed-toy', ToyMeta, { readonly sum: number }> = { type: 'typed-toy' };

declare module '../src/index.ts' {
  interface TaskTypes {
    readonly 'typed-toy': typeof typedToy;
  }
}

let broker: Broker;
let owner: FakeOwner;
let client: LongshoreClient;
beforeAll(async () => {
  broker = await startBroker({ token: 'secret' });
  owner = await FakeOwner.start(broker.url, 'test', 'secret');
  client = await connectLongshore({ servers: broker.url, token: 'secret', cluster: 'test', requestTimeoutMs: 200 });
});
afterAll(async () => {
  await client.close();
  await owner.bus.close();
  await broker.stop();
});

test('a submit of what a package exports has its type, and the rest of the request', async () => {
  const task = await client.submit(typedToy, { key: 'typed', meta: { rows: 3 }, slots: 2 });
  expectTypeOf(task).toEqualTypeOf<TaskHandle<{ readonly sum: number }>>();
  expect(task.task).toMatchObject({ type: 'typed-toy', key: 'typed' });
});

test('options come after the request, whichever way the type is named', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  owner.unansweredSubmits = 2;
  await expect(client.submit(typedToy, { meta: { rows: 3 } }, { signal })).rejects.toThrow('enough');
  await expect(client.submit({ type: 'typed-toy', meta: { rows: 3 } }, { signal })).rejects.toThrow('enough');
  owner.unansweredSubmits = 0;
});

test('a submit within a transaction takes it too', async () => {
  const sent: unknown[][] = [];
  const query = (...statement: unknown[]): Promise<{ rows: unknown[] }> => {
    sent.push(statement);
    return Promise.resolve({ rows: [{ id: '7' }] });
  };
  expect(await submitWithin({ query }, typedToy, { meta: { rows: 3 }, key: 'a' })).toEqual({ id: '7' });
  expect(sent).toMatchObject([[expect.any(String), ['typed-toy', '{"rows":3}', '{"key":"a"}']]]);
});

test('a result has the type that was asked for, and is looked at by what is given', async () => {
  const task = await client.submit(typedToy, { meta: { rows: 3 } });
  owner.change(task.id, { state: 'succeed', outcome: 'succeeded', result: { sum: 6 } });
  expectTypeOf(await task.result()).toEqualTypeOf<{ readonly sum: number }>();
  expectTypeOf(await task.result<{ total: number }>()).toEqualTypeOf<{ total: number }>();
  expect(await task.result({ parse: (result) => JSON.stringify(result) })).toBe('{"sum":6}');
  const parse = (): never => {
    throw new TypeError('no sum');
  };
  await expect(task.result({ parse })).rejects.toThrow('no sum');
});

/** Not run: what the compiler says of each is the test. */
export async function typesOnly(): Promise<void> {
  // @ts-expect-error -- a field that the type doesn't have
  await client.submit(typedToy, { meta: { rows: 3, more: 1 } });
  // @ts-expect-error -- rows are missing
  await client.submit(typedToy, { meta: {} });
  // @ts-expect-error -- a name is as typed as what the package exports
  await client.submit({ type: 'typed-toy', meta: { rows: '3' } });
  // @ts-expect-error -- an option that there is not
  await client.submit(typedToy, { meta: { rows: 3 }, slot: 1 });
  // @ts-expect-error -- within a transaction too
  await submitWithin({ query: () => Promise.resolve({ rows: [] }) }, typedToy, { meta: {} });
  const named = await client.submit({ type: 'typed-toy', meta: { rows: 3 } });
  expectTypeOf(await named.result()).toEqualTypeOf<{ readonly sum: number }>();
  const unknown = await client.submit({ type: 'anything', meta: { whatever: 1 } });
  expectTypeOf(await unknown.result()).toEqualTypeOf<unknown>();
  const name: string = 'typed-toy';
  const computed = await client.submit({ type: name, meta: { whatever: 1 } });
  expectTypeOf(await computed.result()).toEqualTypeOf<unknown>();
  // A typed handle goes wherever any handle may.
  const handles: readonly TaskHandle[] = [named, unknown];
  await Promise.all(handles.map((handle) => handle.wait()));
}
