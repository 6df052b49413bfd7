import { connect, headers, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { ServerUnderTest, StartServer } from './server-under-test.ts';

const text = new TextDecoder();

/** The real client library, used as the project's own code uses it. */
export function describeClient(start: StartServer): void {
  describe('the client library', () => {
    let server: ServerUnderTest;
    const connections: NatsConnection[] = [];
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    afterEach(async () => {
      await Promise.all(connections.splice(0).map((connection) => connection.close()));
    });

    async function open(options: ConnectionOptions = {}): Promise<NatsConnection> {
      const connection = await connect({ servers: server.url, reconnectTimeWait: 20, ...options });
      connections.push(connection);
      return connection;
    }

    /** The next `count` payloads of a subscription. */
    async function take(messages: AsyncIterable<{ data: Uint8Array }>, count: number): Promise<string[]> {
      const payloads: string[] = [];
      for await (const { data } of messages) {
        payloads.push(text.decode(data));
        if (payloads.length === count) break;
      }
      return payloads;
    }

    test('publishes and subscribes in order, over two connections', async () => {
      const [publisher, subscriber] = [await open(), await open()];
      const messages = subscriber.subscribe('numbers.*');
      await subscriber.flush();
      const sent = Array.from({ length: 5_000 }, (_, index) => String(index));
      for (const each of sent) publisher.publish('numbers.n', each);
      expect(await take(messages, sent.length)).toEqual(sent);
    });

    test('splits messages among the members of a queue group, each to one of them', async () => {
      const connection = await open();
      const members = Array.from({ length: 3 }, () => connection.subscribe('work', { queue: 'workers' }));
      const everything = connection.subscribe('work');
      const received = members.map(() => 0);
      const counting = members.map(async (member, index) => {
        for await (const message of member) if (message.data.length > 0) received[index] = (received[index] ?? 0) + 1;
      });
      for (let index = 0; index < 600; index += 1) connection.publish('work', 'x');
      expect(await take(everything, 600)).toHaveLength(600);
      await connection.drain();
      await Promise.all(counting);
      expect(received.reduce((sum, each) => sum + each)).toBe(600);
      // Random choice: a member that gets fewer than 100 of 600 is a matter of 1 in 10^20.
      for (const each of received) expect(each).toBeGreaterThan(100);
    });

    test('carries headers', async () => {
      const connection = await open();
      const messages = connection.subscribe('with.headers');
      const sent = headers();
      sent.append('Traceparent', 'one');
      sent.append('Traceparent', 'two');
      connection.publish('with.headers', 'x', { headers: sent });
      for await (const message of messages) {
        expect(message.headers?.values('Traceparent')).toEqual(['one', 'two']);
        break;
      }
    });

    test('answers requests, many at a time', async () => {
      const [client, service] = [await open(), await open()];
      const subscription = service.subscribe('api.>', { queue: 'owners' });
      const serving = (async () => {
        for await (const message of subscription) message.respond(`${message.subject}:${text.decode(message.data)}`);
      })();
      await service.flush();
      const replies = await Promise.all(
        Array.from({ length: 200 }, (_, index) => client.request(`api.${index}`, String(index), { timeout: 30_000 })),
      );
      expect(replies.map(({ data }) => text.decode(data))).toEqual(replies.map((_, index) => `api.${index}:${index}`));
      await service.close();
      await serving;
    });

    test('says at once that nobody listens', async () => {
      const client = await open();
      await expect(client.request('nobody', 'x', { timeout: 30_000 })).rejects.toThrow('no responders');
      await expect(client.request('nobody', 'x', { timeout: 30_000, noMux: true })).rejects.toThrow('no responders');
    });

    test('ends a subscription after its maximum', async () => {
      const connection = await open();
      const messages = connection.subscribe('few', { max: 2 });
      for (const each of ['1', '2', '3']) connection.publish('few', each);
      expect(await take(messages, 3)).toEqual(['1', '2']);
    });

    test('drains: what was published before arrives, and the connection closes', async () => {
      const [publisher, subscriber] = [await open(), await open()];
      const messages = subscriber.subscribe('last');
      await subscriber.flush();
      const taking = take(messages, 1_001);
      for (let index = 0; index < 1_000; index += 1) publisher.publish('last', String(index));
      await publisher.drain();
      await subscriber.drain();
      expect(await taking).toHaveLength(1_000);
      expect(subscriber.isClosed()).toBe(true);
    });

    test('refuses a payload over the limit itself, because INFO gave the limit', async () => {
      const connection = await open();
      expect(() => connection.publish('a', new Uint8Array(1024 * 1024 + 1))).toThrow(/payload/i);
    });

    test('reconnects after the server was stopped and started, with its subscriptions', async () => {
      const first = await start();
      const connection = await connect({ servers: first.url, reconnectTimeWait: 20, maxReconnectAttempts: -1 });
      connections.push(connection);
      const messages = connection.subscribe('a');
      const reconnected = (async () => {
        for await (const { type } of connection.status()) if (type === 'reconnect') return;
      })();
      await connection.flush();
      await first.stop();
      const second = await start({ port: first.port });
      await reconnected;
      connection.publish('a', 'again');
      expect(await take(messages, 1)).toEqual(['again']);
      await connection.close();
      await second.stop();
    });

    test('needs the token when there is one', async () => {
      const guarded = await start({ token: 'secret' });
      const wrong = connect({ servers: guarded.url, token: 'guess', reconnect: false });
      await expect(wrong).rejects.toThrow(/authorization violation/i);
      const right = await connect({ servers: guarded.url, token: 'secret' });
      await right.flush();
      await right.close();
      await guarded.stop();
    });
  });
}
