import { connect } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';

import { startBroker } from '../src/index.ts';

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
