import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LongshoreError, taskId, type Principal } from '@longshore/core';
import { taskHint, type ApiHandlers, type ApiMethod, type TaskHint, type TraceContext } from '@longshore/protocol';
import { connect, headers } from '@nats-io/transport-node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { connectBus, RemoteError, type Bus, type BusOptions } from '../src/index.ts';
import type { ServerOptions, ServerUnderTest, StartServer } from './server-under-test.ts';

/** What a caller would wait if nothing came at once: a case that depends on it fails by its duration. */
const LONG_MS = 30_000;
const AT_ONCE_MS = 5_000;

/** Handlers that refuse, but for the ones that a case brings. */
function handlers(own: Partial<ApiHandlers>): ApiHandlers {
  const refuse = (): Promise<never> => Promise.reject(new LongshoreError('INTERNAL', 'no handler in this case'));
  return new Proxy(own, { get: (target, method) => target[method as ApiMethod] ?? refuse }) as ApiHandlers;
}

const EVENT = {
  seq: 1,
  at: new Date(0).toISOString(),
  actor: 'owner',
  kind: 'plan',
  from: 'pending',
  to: 'running',
  subtaskId: null,
  message: null,
};

async function caught(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    (value) => {
      throw new Error(`it did not throw, it answered ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as Error & { code?: string },
  );
}

/** The bus against one kind of server. */
export function describeBus(name: string, start: StartServer): void {
  describe(`the bus on ${name}`, () => {
    const closing: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0).toReversed()) await close();
    });

    async function startServer(options?: ServerOptions): Promise<ServerUnderTest> {
      const server = await start(options);
      closing.push(() => server.stop());
      return server;
    }

    async function open(server: { readonly url: string }, options: Partial<BusOptions> = {}): Promise<Bus> {
      const bus = await connectBus({ servers: server.url, cluster: 'test', name: 'test', ...options });
      closing.push(() => bus.close());
      return bus;
    }

    /** Two connections: one that asks, one that answers. */
    async function pair(own: Partial<ApiHandlers>, options?: ServerOptions): Promise<{ client: Bus; owner: Bus }> {
      const server = await startServer(options);
      const [client, owner] = [await open(server), await open(server)];
      owner.answer(handlers(own));
      await owner.flush();
      return { client, owner };
    }

    describe('a request', () => {
      test('is answered by an owner, fields and defaults as the schemas say', async () => {
        const { client } = await pair({
          'task.events': (request) => Promise.resolve({ events: [{ ...EVENT, seq: request.after ?? 7 }], next: null }),
        });
        await expect(client.request('task.events', { task: { id: taskId('1') } })).resolves.toEqual({
          events: [{ ...EVENT, seq: 7 }],
          next: null,
        });
      });

      test('a refusal arrives with its code, permanence, details and causes', async () => {
        const cause = new LongshoreError('STORE_UNAVAILABLE', 'no connection', { cause: new Error('ECONNREFUSED') });
        const { client } = await pair({
          'task.get': () =>
            Promise.reject(new LongshoreError('TASK_NOT_FOUND', 'no task 9', { cause, details: { task: '9' } })),
        });
        const error = await caught(client.request('task.get', { task: { id: '9' } }));
        expect(error).toBeInstanceOf(RemoteError);
        expect(error).toMatchObject({
          code: 'TASK_NOT_FOUND',
          message: 'no task 9',
          permanent: true,
          details: { task: '9' },
          cause: {
            code: 'STORE_UNAVAILABLE',
            message: 'no connection',
            permanent: false,
            cause: { code: 'INTERNAL', message: 'ECONNREFUSED' },
          },
        });
      });

      test('an error of the owner without a code is INTERNAL, and transient', async () => {
        const { client } = await pair({ 'node.list': () => Promise.reject(new TypeError('x is not a function')) });
        const error = await caught(client.request('node.list', {}));
        expect(error).toMatchObject({ code: 'INTERNAL', permanent: false, message: 'x is not a function' });
      });

      test('a wrong argument is refused before the owner sees it, and the field is named', async () => {
        let isCalled = false;
        const { client } = await pair({
          'task.list': () => {
            isCalled = true;
            return Promise.resolve({ tasks: [], next: null });
          },
        });
        const error = await caught(client.request('task.list', { limit: 500, before: '0' }));
        expect(error).toMatchObject({ code: 'ARGUMENT_INVALID', permanent: true });
        expect(error).toHaveProperty('details', { fields: ['before', 'limit'] });
        expect(error.message).toMatch(/before: .*; limit: /);
        expect(isCalled).toBe(false);
      });

      test('an id that no store could hold is a wrong argument', async () => {
        const { client } = await pair({});
        const error = await caught(client.request('task.get', { task: { id: '9999999999999999999' } }));
        expect(error).toMatchObject({ code: 'ARGUMENT_INVALID', details: { fields: ['task.id'] } });
      });

      test('without an owner it fails at once', async () => {
        const client = await open(await startServer());
        const before = performance.now();
        const error = await caught(client.request('node.list', {}, { timeoutMs: LONG_MS }));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', permanent: false });
        expect(error.message).toContain('no owner answers node.list');
        expect(performance.now() - before).toBeLessThan(AT_ONCE_MS);
      });

      test('an owner that does not answer in time is BUS_TIMEOUT', async () => {
        const { client } = await pair({ 'node.list': () => new Promise(() => undefined) });
        const error = await caught(client.request('node.list', {}, { timeoutMs: 100 }));
        expect(error).toMatchObject({ code: 'BUS_TIMEOUT', permanent: false });
        expect(error.message).toContain('100 ms');
      });

      test('a reply beyond the payload limit is an error for the caller, not a wait', async () => {
        const events = Array.from({ length: 100 }, () => ({ ...EVENT, message: 'x'.repeat(1_000) }));
        const { client } = await pair(
          { 'task.events': () => Promise.resolve({ events, next: null }) },
          { maxPayloadBytes: 64 * 1024 },
        );
        const error = await caught(client.request('task.events', { task: { id: '1' } }, { timeoutMs: LONG_MS }));
        expect(error).toMatchObject({ code: 'BUS_MESSAGE_TOO_LARGE', permanent: true });
        expect(error.message).toContain('the reply of task.events');
      });

      test('an error too large to be sent is told as that, not as a wait', async () => {
        const { client } = await pair(
          {
            'node.list': () =>
              Promise.reject(
                new LongshoreError('INTERNAL', 'x'.repeat(10_000), { details: { rows: 'y'.repeat(10_000) } }),
              ),
          },
          { maxPayloadBytes: 4 * 1024 },
        );
        const error = await caught(client.request('node.list', {}, { timeoutMs: LONG_MS }));
        expect(error).toMatchObject({ code: 'BUS_MESSAGE_TOO_LARGE' });
      });

      test('a request beyond the payload limit is refused before it is sent', async () => {
        const { client } = await pair({}, { maxPayloadBytes: 4 * 1024 });
        const meta = { text: 'x'.repeat(8 * 1024) };
        const error = await caught(client.request('task.submit', { type: 'toy', meta }));
        expect(error).toMatchObject({ code: 'BUS_MESSAGE_TOO_LARGE', permanent: true });
        expect(error.message).toContain('the request task.submit');
      });

      test('a reply that does not fit its schema names the field', async () => {
        const { client } = await pair({ 'node.list': () => Promise.resolve({ nodes: 'none' } as never) });
        const error = await caught(client.request('node.list', {}));
        expect(error).toMatchObject({ code: 'INTERNAL' });
        expect(error.message).toContain('the reply of node.list');
        expect(error.message).toContain('nodes');
      });

      test('the caller’s trace arrives, and none where there is none', async () => {
        const traces: (TraceContext | null)[] = [];
        const { client } = await pair({
          'node.list': (_, { trace }) => {
            traces.push(trace);
            return Promise.resolve({ nodes: [] });
          },
        });
        const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'vendor=1' };
        await client.request('node.list', {}, { trace });
        await client.request('node.list', {}, { trace: { traceparent: trace.traceparent } });
        await client.request('node.list', {}, { trace: { traceparent: 'not one' } });
        await client.request('node.list', {});
        expect(traces).toEqual([trace, { traceparent: trace.traceparent }, null, null]);
      });

      test('who asks arrives as a claim, whatever its characters, and nobody where nobody is named', async () => {
        const principals: (Principal | null)[] = [];
        const { client } = await pair({
          'node.list': (_, { principal }) => {
            principals.push(principal);
            return Promise.resolve({ nodes: [] });
          },
        });
        await client.request('node.list', {}, { principal: { name: 'Zoë 李', role: 'operator' } });
        await client.request('node.list', {}, { principal: { name: 'alice' } });
        await client.request('node.list', {});
        expect(principals).toEqual([
          { name: 'Zoë 李', role: 'operator', isVerified: false },
          { name: 'alice', role: null, isVerified: false },
          null,
        ]);
        const error = await caught(client.request('node.list', {}, { principal: { name: 'a\nb' } }));
        expect(error).toMatchObject({ code: 'ARGUMENT_INVALID' });
      });

      test('a name that could not be written down is refused before the owner sees it', async () => {
        let isCalled = false;
        const server = await startServer();
        const owner = await open(server);
        owner.answer(
          handlers({
            'node.list': () => {
              isCalled = true;
              return Promise.resolve({ nodes: [] });
            },
          }),
        );
        await owner.flush();
        const nats = await connect({ servers: server.url });
        closing.push(() => nats.close());
        const sent = headers();
        sent.set('longshore-principal', 'alice%0Aowner');
        const reply = await nats.request(owner.subjects.api('node.list'), '{}', { headers: sent, timeout: LONG_MS });
        expect(reply.json()).toMatchObject({ ok: false, error: { code: 'ARGUMENT_INVALID' } });
        expect(isCalled).toBe(false);
      });

      test('several owners share the requests, each is answered once', async () => {
        const server = await startServer();
        const client = await open(server);
        const counts = [0, 0, 0];
        for (const index of counts.keys()) {
          const owner = await open(server);
          owner.answer(
            handlers({
              'node.list': () => {
                counts[index] = (counts[index] ?? 0) + 1;
                return Promise.resolve({ nodes: [] });
              },
            }),
          );
          await owner.flush();
        }
        await Promise.all(Array.from({ length: 300 }, () => client.request('node.list', {})));
        expect(counts.reduce((sum, count) => sum + count)).toBe(300);
        // Random choice: one of three that gets fewer than 30 of 300 is a matter of 1 in 10^20.
        for (const count of counts) expect(count).toBeGreaterThan(30);
      });

      test('an owner that has stopped answering takes no part any more', async () => {
        const { client, owner } = await pair({ 'node.list': () => Promise.resolve({ nodes: [] }) });
        const second = owner.answer(handlers({ 'node.list': () => new Promise(() => undefined) }));
        second.close();
        await owner.flush();
        for (let count = 0; count < 20; count++) await client.request('node.list', {}, { timeoutMs: AT_ONCE_MS });
      });

      test('clusters on one server do not hear each other', async () => {
        const server = await startServer();
        const other = await open(server, { cluster: 'other' });
        other.answer(handlers({ 'node.list': () => Promise.resolve({ nodes: [] }) }));
        await other.flush();
        const error = await caught((await open(server)).request('node.list', {}));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE' });
      });
    });

    describe('a flood of requests', () => {
      test('is answered as far as an owner may, and the rest is refused at once', async () => {
        const server = await startServer();
        const [client, owner] = [await open(server), await open(server)];
        const gate = Promise.withResolvers<undefined>();
        const held = async () => {
          await gate.promise;
          return { nodes: [] };
        };
        owner.answer(handlers({ 'node.list': held }), { atOnce: 3 });
        await owner.flush();
        const asked = Array.from({ length: 50 }, () => client.request('node.list', {}, { timeoutMs: 60_000 }));
        const refused = await Promise.all(asked.slice(3).map(caught));
        expect(refused).toMatchObject(refused.map(() => ({ code: 'OVERLOADED', permanent: false })));
        gate.resolve(undefined);
        expect(await Promise.all(asked.slice(0, 3))).toEqual(Array.from({ length: 3 }, () => ({ nodes: [] })));
        // There is room again.
        expect(await client.request('node.list', {})).toEqual({ nodes: [] });
      });
    });

    describe('a hint', () => {
      test('reaches everybody who listens; a malformed one is dropped', async () => {
        const server = await startServer();
        let dropped = 0;
        const counting = { onHintDropped: () => (dropped += 1) };
        const [sender, first, second] = [await open(server), await open(server), await open(server, counting)];
        const subject = sender.subjects.taskEvents(taskId('1'));
        const received: TaskHint[][] = [[], []];
        const complete = [first, second].map(
          (bus, index) =>
            new Promise<void>((resolve) => {
              bus.subscribe(subject, taskHint, (hint) => {
                received[index]?.push(hint);
                if (hint.state === 'succeed') resolve();
              });
            }),
        );
        await Promise.all([first.flush(), second.flush()]);
        sender.publish(subject, 'not an object');
        sender.publish(subject, { kind: 'weather' });
        sender.publish(subject, undefined);
        sender.publish(subject, { kind: 'progress', addedLater: true });
        sender.publish(subject, { kind: 'state', state: 'succeed' });
        await Promise.all(complete);
        const expected = [{ kind: 'progress' }, { kind: 'state', state: 'succeed' }];
        expect(received).toEqual([expected, expected]);
        expect(dropped).toBe(3);
      });

      test('that makes its receiver throw does not keep the next one away', async () => {
        const errors: unknown[] = [];
        const bus = await open(await startServer(), { onCallbackError: (error) => errors.push(error) });
        const arrived = new Promise<void>((resolve) => {
          bus.subscribe(bus.subjects.wakeOwner, z.object({ reason: z.string() }), ({ reason }) => {
            if (reason === 'bad') throw new Error('a receiver that throws');
            resolve();
          });
        });
        bus.publish(bus.subjects.wakeOwner, { reason: 'bad' });
        bus.publish(bus.subjects.wakeOwner, { reason: 'good' });
        await arrived;
        expect(errors).toEqual([new Error('a receiver that throws')]);
      });

      test('stops when its subscription is closed', async () => {
        const bus = await open(await startServer());
        let count = 0;
        const subscription = bus.subscribe(bus.subjects.wakeOwner, z.object({}), () => (count += 1));
        bus.publish(bus.subjects.wakeOwner, {});
        await vi.waitFor(() => expect(count).toBe(1), { timeout: AT_ONCE_MS });
        subscription.close();
        bus.publish(bus.subjects.wakeOwner, {});
        await bus.flush();
        expect(count).toBe(1);
      });
    });

    describe('the connection', () => {
      test('that is lost fails requests at once, drops hints, and calls back when it is there again', async () => {
        const server = await start();
        const bus = await open(server);
        bus.answer(handlers({ 'node.list': () => Promise.resolve({ nodes: [] }) }));
        const reconnected = new Promise<void>((resolve) => bus.onReconnect(resolve));
        await server.stop();
        await vi.waitFor(() => expect(bus.isConnected).toBe(false), { timeout: AT_ONCE_MS });

        const before = performance.now();
        const error = await caught(bus.request('node.list', {}, { timeoutMs: LONG_MS }));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', permanent: false });
        expect(performance.now() - before).toBeLessThan(AT_ONCE_MS);
        bus.publish(bus.subjects.wakeOwner, {});

        await startServer({ port: server.port });
        await reconnected;
        expect(bus.isConnected).toBe(true);
        await expect(bus.request('node.list', {})).resolves.toEqual({ nodes: [] });
      });

      test('one callback that throws after a reconnect keeps no other from being called', async () => {
        const server = await start();
        const errors: unknown[] = [];
        const bus = await open(server, { onCallbackError: (error) => errors.push(error) });
        bus.onReconnect(() => {
          throw new Error('a callback that throws');
        });
        const reconnected = new Promise<void>((resolve) => bus.onReconnect(resolve));
        await server.stop();
        await vi.waitFor(() => expect(bus.isConnected).toBe(false), { timeout: AT_ONCE_MS });
        await startServer({ port: server.port });
        await reconnected;
        expect(errors).toEqual([new Error('a callback that throws')]);
      });

      test('calls back as often as was asked for, and no more once that was closed', async () => {
        const server = await start();
        const bus = await open(server);
        const called: string[] = [];
        const twice = (): void => void called.push('twice');
        const [closed, kept] = [bus.onReconnect(twice), bus.onReconnect(twice)];
        bus.onReconnect(() => called.push('closed before')).close();
        closed.close();
        const reconnected = new Promise<void>((resolve) => bus.onReconnect(resolve));
        await server.stop();
        await vi.waitFor(() => expect(bus.isConnected).toBe(false), { timeout: AT_ONCE_MS });
        await startServer({ port: server.port });
        await reconnected;
        expect(called).toEqual(['twice']);
        kept.close();
      });

      test('a client does not wait for a server that is not there', async () => {
        const server = await start();
        await server.stop();
        const error = await caught(open(server));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', permanent: false });
        expect(error.message).toContain(`cannot connect to NATS at ${server.url}`);
      });

      test('a service waits for a server that starts later', async () => {
        const server = await start();
        await server.stop();
        const opening = open(server, { waitForServer: true });
        await startServer({ port: server.port });
        await (await opening).flush();
      });

      test('a service has its bus before there is a server, and everything works once it is there', async () => {
        const server = await start();
        await server.stop();
        const reasons: string[] = [];
        const onWaiting = ({ message }: Error): void => void reasons.push(message);
        const bus = await open(server, { waitForServer: true, onWaiting });
        expect(bus.isConnected).toBe(false);
        expect(reasons[0]).toContain(`cannot connect to NATS at ${server.url}`);
        const hints: TaskHint[] = [];
        bus.subscribe(bus.subjects.wakeOwner, z.unknown(), () => hints.push({} as TaskHint));
        bus.answer(handlers({ 'node.list': () => Promise.resolve({ nodes: [] }) }));
        bus.publish(bus.subjects.wakeOwner, {});
        expect(await caught(bus.request('node.list', {}))).toMatchObject({ code: 'BUS_UNAVAILABLE' });
        const connected = new Promise<void>((resolve) => bus.onReconnect(resolve));
        await startServer({ port: server.port });
        await connected;
        await expect(bus.request('node.list', {})).resolves.toEqual({ nodes: [] });
        bus.publish(bus.subjects.wakeOwner, {});
        await vi.waitFor(() => expect(hints).toHaveLength(1), { timeout: AT_ONCE_MS });
      });

      test('a bus that is closed before there is a server connects no more', async () => {
        const server = await start();
        await server.stop();
        const bus = await open(server, { waitForServer: true });
        await bus.close();
        expect(bus.isConnected).toBe(false);
      });

      test('a server that takes the connection and says nothing is given up soon', async () => {
        const mute = createServer((socket) => closing.push(() => Promise.resolve(void socket.destroy())));
        await new Promise<void>((resolve) => void mute.listen(0, '127.0.0.1', resolve));
        closing.push(() => new Promise<void>((resolve) => void mute.close(() => resolve())));
        const { port } = mute.address() as AddressInfo;
        const before = performance.now();
        const error = await caught(open({ url: `nats://127.0.0.1:${port}` }));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE' });
        // Far below the client library's 20 s.
        expect(performance.now() - before).toBeLessThan(15_000);
      });

      test.each([
        ['a CA', { tls: { ca: '/not/there.pem' } }],
        ['credentials', { credentialsFile: '/not/there.pem' }],
        ['an nkey', { nkeyFile: '/not/there.pem' }],
      ])('a file of %s that is not there is a wrong setting, and not waited for', async (_, options) => {
        const error = await caught(open({ url: 'nats://127.0.0.1:1' }, { ...options, waitForServer: true }));
        expect(error).toMatchObject({ code: 'CONFIG_INVALID', permanent: true });
        expect(error.message).toMatch(/\/not\/there\.pem can't be read \(ENOENT\)/);
      });

      test.each([
        ['a CA', (path: string) => ({ tls: { ca: path } })],
        ['credentials', (path: string) => ({ credentialsFile: path })],
        ['an nkey', (path: string) => ({ nkeyFile: path })],
      ])('a file of %s that holds something else is a wrong setting', async (_, options) => {
        const path = fileURLToPath(import.meta.url);
        const error = await caught(open({ url: 'nats://127.0.0.1:1' }, { ...options(path), waitForServer: true }));
        expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(path) as string });
      });

      test('two logins by file are a wrong setting', async () => {
        const error = await caught(open({ url: 'nats://127.0.0.1:1' }, { credentialsFile: '/a', nkeyFile: '/b' }));
        expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
      });

      test.each([false, true])('a wrong token is said clearly (waiting for the server: %s)', async (waitForServer) => {
        const server = await startServer({ token: 'secret-of-the-server' });
        const error = await caught(open(server, { token: 'a-wrong-guess', waitForServer }));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE' });
        expect(error.message).toMatch(/authorization/i);
        expect(error.message).not.toContain('guess');
      });

      test('the right token opens it', async () => {
        const server = await startServer({ token: 'secret-of-the-server' });
        await (await open(server, { token: 'secret-of-the-server' })).flush();
      });

      test('several servers may be named; one that answers is enough', async () => {
        const [gone, there] = [await start(), await startServer()];
        await gone.stop();
        await (await open({ url: `${gone.url}, ${there.url}` })).flush();
      });

      test('what is secret in a server’s address is not in an error', async () => {
        const server = await start();
        await server.stop();
        const error = await caught(open({ url: server.url.replace('//', '//me:hidden@') }));
        expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE' });
        expect(error.message).not.toContain('hidden');
      });

      test('a cluster name that no subject can carry is refused', async () => {
        const server = await startServer();
        for (const cluster of ['', 'a.b', 'a b', 'a*', '>']) {
          await expect(open(server, { cluster })).rejects.toThrow(RangeError);
        }
      });

      test('is closed once, and afterwards says so without harm', async () => {
        const bus = await open(await startServer());
        await Promise.all([bus.close(), bus.close()]);
        await bus.close();
        bus.publish(bus.subjects.wakeOwner, {});
        expect(await caught(bus.request('node.list', {}))).toMatchObject({ code: 'BUS_UNAVAILABLE' });
      });

      test('that is being closed drops hints', async () => {
        const bus = await open(await startServer());
        const closed = bus.close();
        bus.publish(bus.subjects.wakeOwner, {});
        await closed;
      });

      test('an answer that is ready only after the close harms nobody', async () => {
        const answering = Promise.withResolvers<{ nodes: [] }>();
        const asked = Promise.withResolvers<undefined>();
        const { client, owner } = await pair({
          'node.list': () => {
            asked.resolve(undefined);
            return answering.promise;
          },
        });
        const asking = caught(client.request('node.list', {}, { timeoutMs: 200 }));
        await asked.promise;
        await owner.close();
        answering.resolve({ nodes: [] });
        expect(await asking).toMatchObject({ code: 'BUS_TIMEOUT' });
      });
    });
  });
}
