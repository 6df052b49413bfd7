import { expect, onTestFinished, test, vi } from 'vitest';
import { startFixture } from './start-fixture.ts';

const ENVIRONMENT = {
  LONGSHORE_DATABASE_URL: 'postgres://longshore:secret@store/longshore',
  LONGSHORE_NATS_URL: 'nats://broker',
  LONGSHORE_NATS_TOKEN: 'secret',
  LONGSHORE_CONNECTION_WAREHOUSE: 'postgres://loader:secret@warehouse/sales',
  LONGSHORE_GATE_CONNECTION_WAREHOUSE: 'postgres://reader:secret@warehouse/sales',
  OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
  // Where a test's faults happen in plugin code, and what a plugin may read of its own.
  LONGSHORE_FAULTS: '[]',
  LONGSHORE_SCOPE: 'background',
};

// Seen to fail with the executor's environment as a worker thread takes it over: every password was there.
test('plugin code does not see how its executor reaches the store, NATS and targets', async () => {
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { host, start } = await startFixture();
  const settled = await host.settlement(start('tell-environment'));
  expect(settled).toMatchObject({ ok: true });
  const { result } = settled as { readonly result: readonly string[] };
  expect(result).toEqual(expect.arrayContaining(['LONGSHORE_FAULTS', 'LONGSHORE_SCOPE']));
  for (const name of Object.keys(ENVIRONMENT).slice(0, 6)) expect(result).not.toContain(name);
});

test('plugin code finds no connection in what its thread was started with, and is given none that its type does not name', async () => {
  const connections = { other: 'postgres://loader:s3cret@other/sales' };
  const gateConnections = { other: 'postgres://gates:s3cret@other/sales' };
  const { host, start } = await startFixture({ connections, gateConnections });
  const told = await host.settlement(start('tell-worker-data'));
  expect(told).toMatchObject({ ok: true, result: expect.stringContaining('behaviours') as string });
  expect(JSON.stringify(told)).not.toContain('s3cret');
  const refused = await host.settlement(start('use-undeclared-connection'));
  expect(refused).toMatchObject({ ok: false, error: { code: 'CONNECTION_UNKNOWN', permanent: true } });
  expect(refused).toHaveProperty('error.message', expect.stringContaining("doesn't name the connection"));
});
