import { startBroker } from '@longshore/embedded';
import { startTcpProxy, waitUntil } from '@longshore/test-kit';
import { expect, onTestFinished, test } from 'vitest';
import { connectBus } from '../src/index.ts';

test('a connection that was dropped without a word: requests and flushes end, and it is replaced', async () => {
  const broker = await startBroker();
  onTestFinished(() => broker.stop());
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: broker.port });
  onTestFinished(() => proxy.close());
  const bus = await connectBus({
    servers: proxy.through(broker.url),
    cluster: 'test',
    name: 'test',
    requestTimeoutMs: 500,
  });
  onTestFinished(() => bus.close());
  let reconnects = 0;
  bus.onReconnect(() => (reconnects += 1));
  await bus.flush();

  proxy.dropSilently();
  await expect(bus.flush()).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
  await expect(bus.request('node.list', {})).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
  await waitUntil(
    () => reconnects,
    (count) => count > 0,
    { what: 'the connection to be replaced' },
  );
  await bus.flush();
});
