import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startTcpProxy } from '../src/index.ts';

// Seen beside four busy loops: a file of tests was over, and its proxy never was.
test('a proxy closes although an end of a dropped connection was reset before', async () => {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const client = connect({ host: proxy.host, port: proxy.port }).on('error', () => undefined);
  onTestFinished(() => void client.destroy());
  const far = await accepted.promise;
  proxy.dropSilently();
  far.resetAndDestroy();
  await once(far, 'close');
  // The proxy has seen that end close by now: what comes by a new connection comes later.
  const other = connect({ host: proxy.host, port: proxy.port }).on('error', () => undefined);
  await once(other, 'connect');
  other.destroy();
  await once(other, 'close');
  client.destroy();
  let isClosed = false;
  void proxy.close().then(() => (isClosed = true));
  await expect.poll(() => isClosed, { timeout: 5_000 }).toBe(true);
});
