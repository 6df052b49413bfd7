import { connectBus } from '@longshore/bus';
import { startBroker } from '@longshore/embedded';
import { pingStore } from '@longshore/store';
import { startTcpProxy, waitUntil } from '@longshore/test-kit';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { DependencyWatch, type Dependency } from '../src/dependency-watch.ts';
import { storeOf, useServer } from './test-store.ts';

const server = useServer();

interface Watching {
  readonly watch: DependencyWatch;
  readonly lines: readonly string[];
  readonly gauge: (name: string) => Promise<string>;
  /** Waits until it is away, or back. */
  readonly until: (isAway: boolean) => Promise<unknown>;
}

function watching(dependency: Dependency): Watching {
  const stopping = new AbortController();
  const metrics = new Registry();
  const lines: string[] = [];
  const logger = {
    info: (_: unknown, line: string) => lines.push(line),
    warn: (_: unknown, line: string) => lines.push(line),
  } as never;
  const watch = new DependencyWatch({ dependencies: [dependency], logger, metrics, signal: stopping.signal });
  onTestFinished(async () => {
    stopping.abort();
    await watch.done;
  });
  return {
    watch,
    lines,
    gauge: async (name) => (await metrics.metrics()).split('\n').find((line) => line.startsWith(name)) ?? 'none',
    until: (isAway) =>
      waitUntil(
        () => watch.problem,
        (problem) => (problem !== null) === isAway,
        { what: isAway ? 'the loss' : 'the return' },
      ),
  };
}

test('a store that is away is named with its time, and said once; so is its return', async () => {
  const url = await server.url();
  const { hostname, port } = new URL(url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  onTestFinished(() => proxy.close());
  const store = storeOf(proxy.through(url));
  const { watch, lines, gauge, until } = watching({
    name: 'the store',
    consequence: 'nothing new starts',
    gauge: 'storeConnected',
    look: () => pingStore(store),
  });
  await pingStore(store);
  expect(watch.problem).toBeNull();
  expect(await gauge('longshore_store_connected')).toBe('longshore_store_connected 1');

  proxy.refuse(true);
  proxy.cut();
  await until(true);
  expect(watch.problem).toMatch(/^the store is away since 20\d\d-\S+Z: Postgres cannot be reached/);
  expect(await gauge('longshore_store_connected')).toBe('longshore_store_connected 0');
  proxy.refuse(false);
  await until(false);
  expect(lines).toEqual([
    'the store is away: nothing new starts',
    expect.stringMatching(/^the store is back after \d+ s$/),
  ]);
});

test('a store that answers nothing at all is away too', async () => {
  const { watch, until } = watching({
    name: 'the store',
    consequence: 'nothing new starts',
    gauge: 'storeConnected',
    look: () => new Promise(() => undefined),
  });
  await until(true);
  expect(watch.problem).toContain('no answer for 5 s');
});

test('NATS that is away is said once, and its return', async () => {
  const broker = await startBroker();
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: broker.port });
  const bus = await connectBus({ servers: proxy.through(broker.url), cluster: 'test', name: 'test' });
  onTestFinished(async () => {
    await bus.close();
    await proxy.close();
    await broker.stop();
  });
  const { watch, lines, gauge, until } = watching({
    name: 'NATS',
    consequence: 'polls go on',
    gauge: 'natsConnected',
    look: () => (bus.isConnected ? Promise.resolve() : Promise.reject(new Error('no connection'))),
  });
  proxy.refuse(true);
  proxy.cut();
  await until(true);
  expect(watch.problem).toMatch(/^NATS is away since \S+: no connection$/);
  expect(await gauge('longshore_nats_connected')).toBe('longshore_nats_connected 0');
  proxy.refuse(false);
  await until(false);
  expect(lines).toEqual(['NATS is away: polls go on', expect.stringMatching(/^NATS is back after \d+ s$/)]);
});
