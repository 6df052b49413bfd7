import { connect } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';

import { startBroker } from '../src/index.ts';
import { RawConnection } from './conformance/raw-connection.ts';

describe('startBroker', () => {
  test.each(['0.0.0.0', '::', '192.168.1.7', 'example.org', '127.0.0.1.example.org', ''])(
    'refuses to listen on %j',
    async (host) => {
      await expect(startBroker({ host })).rejects.toMatchObject({
        code: 'EMBEDDED_BROKER_NOT_LOOPBACK',
        permanent: true,
      });
    },
  );

  test.each([
    { maxPayloadBytes: 0 },
    { maxPayloadBytes: 2 ** 30 },
    { maxPendingBytes: 1_000 },
    { pingIntervalMs: 0 },
    { pingIntervalMs: 1.5 },
    { maxSubscriptions: 0 },
    { maxConnections: 0 },
  ])('refuses %j', async (options) => {
    await expect(startBroker(options)).rejects.toMatchObject({ code: 'EMBEDDED_BROKER_INVALID_OPTION' });
  });

  test('says which fixed port is taken, and gives it back when it stops', async () => {
    const first = await startBroker({ host: 'localhost' });
    await expect(startBroker({ host: 'localhost', port: first.port })).rejects.toMatchObject({
      code: 'EMBEDDED_PORT_IN_USE',
    });
    await Promise.all([first.stop(), first.stop()]);
    const second = await startBroker({ host: 'localhost', port: first.port });
    await second.stop();
  });

  test('takes free ports outside the range of outgoing connections', async () => {
    const brokers = await Promise.all(Array.from({ length: 5 }, () => startBroker()));
    for (const { port } of brokers) expect(port).toBeLessThan(32_768);
    await Promise.all(brokers.map((each) => each.stop()));
  });

  test('counts what it does', async () => {
    const broker = await startBroker();
    const connection = await connect({ servers: broker.url });
    for (const subject of ['a', '*']) connection.subscribe(subject);
    connection.publish('a', '12345');
    await connection.flush();
    expect(broker.stats).toEqual({
      connections: 1,
      subscriptions: 2,
      inMessages: 1,
      inBytes: 5,
      outMessages: 2,
      outBytes: 10,
      slowConsumers: 0,
    });
    await connection.close();
    await broker.stop();
    expect(broker.stats).toMatchObject({ connections: 0, subscriptions: 0 });
  });

  // Seen before, for the first: the message ended the broker's process.
  test('a message reaches a hundred and fifty thousand subscriptions of one subject', async () => {
    const broker = await startBroker({ maxSubscriptions: 200_000, maxPendingBytes: 256 * 1024 * 1024 });
    const raw = await RawConnection.open(broker.port);
    raw.send('CONNECT {"verbose":false}\r\n');
    const count = 150_000;
    raw.send(Array.from({ length: count }, (_, sid) => `SUB a ${sid + 1}\r\n`).join(''));
    const client = await connect({ servers: broker.url });
    await expect.poll(() => broker.stats.subscriptions, { timeout: 60_000 }).toBe(count);
    client.publish('a', 'x');
    await client.flush();
    expect(broker.stats.outMessages).toBe(count);
    raw.close();
    await client.close();
    await broker.stop();
  });

  test('a client has so many subscriptions of so many levels, and others go on', async () => {
    const broker = await startBroker({ maxSubscriptions: 3 });
    const raw = await RawConnection.open(broker.port);
    const long = Array.from({ length: 17 }, () => 'a').join('.');
    const subs = [1, 2, 3, 4].map((sid) => `SUB b.${sid} ${sid}\r\n`).join('');
    raw.send(`CONNECT {"verbose":false}\r\nSUB ${long} 9\r\n${subs}PING\r\n`);
    expect(await raw.answer()).toBe(
      "-ERR 'subject has exceeded number of tokens limit'\r\n-ERR 'maximum subscriptions exceeded'\r\nPONG\r\n",
    );
    expect(broker.stats.subscriptions).toBe(3);
    const client = await connect({ servers: broker.url });
    const subscription = client.subscribe('c', { max: 1 });
    client.publish('c', 'x');
    for await (const message of subscription) expect(message.string()).toBe('x');
    await client.close();
    await broker.stop();
  });

  test('has so many clients', async () => {
    const broker = await startBroker({ maxConnections: 1 });
    const client = await connect({ servers: broker.url });
    const refused = await RawConnection.open(broker.port);
    expect(await refused.answer()).toBe("-ERR 'maximum connections exceeded'\r\nEND");
    expect(broker.stats.connections).toBe(1);
    await client.flush();
    await client.close();
    await broker.stop();
  });

  test('the choice in a queue group is the caller’s', async () => {
    const broker = await startBroker({ random: () => 0.99 });
    const connection = await connect({ servers: broker.url });
    const members = [1, 2, 3].map(() => connection.subscribe('work', { queue: 'workers' }));
    for (let index = 0; index < 20; index += 1) connection.publish('work', 'x');
    await connection.flush();
    expect(members.map((member) => member.getReceived())).toEqual([0, 0, 20]);
    await connection.close();
    await broker.stop();
  });
});
