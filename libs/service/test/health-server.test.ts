import { createServer, type AddressInfo } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { startHealthServer, type HealthOptions, type HealthServer } from '../src/health-server.ts';

async function start(options: Partial<HealthOptions> = {}): Promise<HealthServer> {
  const server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    service: 'owner',
    metrics: new Registry(),
    notReady: () => null,
    ...options,
  });
  onTestFinished(() => server.close());
  return server;
}

test('/healthz answers while the process does, /readyz says why it can not do its work', async () => {
  let reason: string | null = 'starting';
  const { url } = await start({ notReady: () => reason });
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}${path}`);
    return [response.status, await response.json()];
  };
  expect(await get('/healthz')).toEqual([200, { status: 'ok' }]);
  expect(await get('/readyz')).toEqual([503, { status: 'not ready', reason: 'starting' }]);
  reason = null;
  expect(await get('/readyz')).toEqual([200, { status: 'ready' }]);
  expect(await get('/healthz')).toEqual([200, { status: 'ok' }]);
});

test('/metrics has the process’s and the service’s own, labelled with the service', async () => {
  const metrics = new Registry();
  const { url } = await start({ metrics });
  new Counter({ name: 'longshore_rounds_total', help: 'Rounds.', registers: [metrics] }).inc(3);
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(text).toContain('longshore_rounds_total{service="owner"} 3');
  expect(text).toMatch(/process_resident_memory_bytes\{service="owner"\} \d/);
});

test('two in one process keep their metrics apart', async () => {
  const metrics = new Registry();
  await start({ metrics });
  const second = await start({ service: 'balancer' });
  new Counter({ name: 'only_here_total', help: 'x', registers: [metrics] }).inc();
  expect(await (await fetch(`${second.url}/metrics`)).text()).not.toContain('only_here_total');
});

test('a port in use is refused with what to do about it', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void taken.close(() => resolve())));
  const { port } = taken.address() as AddressInfo;
  await expect(start({ port })).rejects.toMatchObject({
    code: 'HTTP_PORT_IN_USE',
    permanent: true,
    message: `cannot listen on 127.0.0.1:${port} (EADDRINUSE); choose another --http-port, or 0`,
  });
});

test('it closes while a client keeps its connection open', async () => {
  const server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    service: 'owner',
    metrics: new Registry(),
    notReady: () => null,
  });
  await (await fetch(`${server.url}/healthz`, { headers: { connection: 'keep-alive' } })).text();
  await server.close();
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
