import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import { createLogger, startTelemetry, type Logger } from '../src/index.ts';

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
  const warnings: unknown[] = [];
  const logger = { ...createLogger('silent', {}), warn: (...line: unknown[]) => warnings.push(line.at(-1)) };
  const telemetry = await startTelemetry({
    env: process.env,
    service: 'owner',
    instance: 'x',
    cluster: 'x',
    logger: logger as unknown as Logger,
    metrics: new Registry(),
  });
  telemetry.tracing?.tracer.startSpan('one').end();
  await telemetry.shutdown();
  expect(requests).toBeGreaterThan(0);
  expect(warnings).toEqual(['the last telemetry was not sent: the collector did not answer in time']);
});
