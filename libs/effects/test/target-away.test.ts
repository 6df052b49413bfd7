import { startTcpProxy, type TcpProxy } from '@longshore/test-kit';
import { expect, onTestFinished, test } from 'vitest';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

/** A network before the target that refuses all connections. */
async function refusing(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  onTestFinished(() => proxy.close());
  proxy.refuse(true);
  return proxy;
}

test('a lost session is told, also when the task type throws an error of its own', async () => {
  const store = await target();
  const told: Error[] = [];
  const { connection } = store.attempt({ away: { onAway: (error) => void told.push(error) } });
  const lost = connection.read(async (client) => {
    await client.query('SELECT pg_terminate_backend(pg_backend_pid())').catch((cause: unknown) => {
      throw new Error('the toy broke', { cause });
    });
  });
  await expect(lost).rejects.toThrow('the toy broke');
  expect(told).toMatchObject([{ code: '57P01' }]);
});

test('a connection that is refused is told, and thrown at once', async () => {
  const store = await target();
  const told: Error[] = [];
  const url = (await refusing(store.url)).through(store.url);
  const { connection } = store.attempt({ url, away: { onAway: (error) => void told.push(error) } });
  const thrown = await connection.read(() => Promise.resolve(null)).catch((error: unknown) => error);
  expect(told).toEqual([thrown]);
});

test('work that may not start again connects until its target is back, and says meanwhile what it waits for', async () => {
  const store = await target();
  const proxy = await refusing(store.url);
  const waits: string[] = [];
  const waitFor = (): (() => void) => {
    waits.push('begins');
    proxy.refuse(false);
    return () => void waits.push('ends');
  };
  const { connection } = store.attempt({ url: proxy.through(store.url), away: { waitFor } });
  const { rows } = await connection.read((client) => client.query('SELECT 1 AS one'));
  expect(rows).toEqual([{ one: 1 }]);
  expect(waits).toEqual(['begins', 'ends']);
});

test('such a wait ends with the attempt', async () => {
  const store = await target();
  const stop = new AbortController();
  const waitFor = (): (() => void) => {
    stop.abort(new Error('its task was canceled'));
    return () => undefined;
  };
  const url = (await refusing(store.url)).through(store.url);
  const { connection } = store.attempt({ url, signal: stop.signal, away: { waitFor } });
  await expect(connection.read(() => Promise.resolve(null))).rejects.toThrow('its task was canceled');
});

test.each([
  [false, 0],
  [true, 1],
])('a refused login is an outage only for a task that has been there before: %s', async (hasBeenThere, times) => {
  const store = await target();
  const url = new URL(store.url);
  url.password = 'rotated';
  const told: Error[] = [];
  const away = { hasBeenThere, onAway: (error: Error) => void told.push(error) };
  const { connection } = store.attempt({ url: url.href, away });
  await expect(connection.read(() => Promise.resolve(null))).rejects.toMatchObject({ code: '28P01' });
  expect(told).toHaveLength(times);
});
