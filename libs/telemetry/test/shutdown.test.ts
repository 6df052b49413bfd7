import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, expect, test, vi } from 'vitest';
import { createLogger, startTelemetry } from '../src/index.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('a collector that never answers does not keep a service from ending', async () => {
  let requests = 0;
  server = createServer(() => (requests += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The exporters read the process's environment.
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const logger = createLogger('silent', {});
  const warn = vi.spyOn(logger, 'warn');
  const telemetry = await startTelemetry({
    env: process.env,
    service: 'owner',
    instance: 'x',
    cluster: 'x',
    logger,
    metrics: new Registry(),
  });
  telemetry.tracing?.tracer.startSpan('one').end();
  await telemetry.shutdown();
  expect(requests).toBeGreaterThan(0);
  expect(warn.mock.calls).toEqual([['the last telemetry was not sent: the collector did not answer in time']]);
});
