import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startBroker, startChild, type Broker, type ChildProcessHandle } from '@longshore/embedded';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { useServer } from './test-store.ts';

const ENTRY = new URL('./fixtures/service.ts', import.meta.url);
const server = useServer();
let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker.stop());

async function environment(): Promise<Record<string, string>> {
  return {
    LONGSHORE_DATABASE_URL: await server.url(),
    LONGSHORE_NATS_URL: broker.url,
    LONGSHORE_MODE: 'development',
  };
}

async function startService(env: Record<string, string>, args: readonly string[] = []): Promise<ChildProcessHandle> {
  const child = await startChild({ name: 'fixture', entry: ENTRY, env, args });
  onTestFinished(async () => {
    await child.stop();
  });
  return child;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a service says that it is ready, serves its health, and ends cleanly when asked to', async () => {
  const child = await startService(await environment(), ['--instance', 'fixture-7']);
  expect(child.ready).toMatchObject({ instance: 'fixture-7' });
  const response = await fetch(`${String(child.ready['httpUrl'])}/readyz`);
  expect([response.status, await response.json()]).toEqual([200, { status: 'ready' }]);
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const lines = child.lastLines().map((line) => (JSON.parse(line) as { message: string }).message);
  expect(lines).toEqual(['fixture is ready', 'fixture is stopping', 'handing back']);
});

test('wrong settings end it before anything is connected, and no secret is printed', async () => {
  const env = { LONGSHORE_DATABASE_URL: 'mysql://me:hunter2@nowhere/db', LONGSHORE_MODE: 'fast' };
  const error = (await startService(env).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(error.message).toContain('--database-url');
  expect(error.message).toContain('--mode or LONGSHORE_MODE must be one of production, development (got "fast")');
  expect(error.message).not.toContain('hunter2');
});

test('wrong settings are exit code 2', async () => {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(ENTRY)], {
    env: { ...process.env, LONGSHORE_DATABASE_URL: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const printed: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => printed.push(line));
  const [code] = (await once(child, 'close')) as [number];
  expect(printed.join('\n')).toMatch(/^error CONFIG_INVALID: longshore-fixture: --database-url .* is required$/);
  expect(code).toBe(2);
});

test('a telemetry variable that is not understood ends it by name', async () => {
  const starting = startService({ ...(await environment()), OTEL_TRACES_EXPORTER: 'zipkin' });
  await expect(starting).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('OTEL_TRACES_EXPORTER must be otlp or none (got "zipkin")'),
  });
});

test('a port in use is reported to who started it', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void taken.close(() => resolve())));
  const { port } = taken.address() as AddressInfo;
  const starting = startService(await environment(), ['--http-port', String(port)]);
  await expect(starting).rejects.toMatchObject({ code: 'HTTP_PORT_IN_USE' });
});

test('a service that gives up hands back first, then ends with code 1', async () => {
  const child = await startService(await environment(), ['--fail-after-ms', '100']);
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(child.lastLines().join('\n')).toContain('handing back');
  expect(child.lastLines().at(-1)).toBe('error INTERNAL: it gave up');
});

test.each([
  ['rejection', 'unhandledRejection'],
  ['exception', 'uncaughtException'],
])(
  'an unhandled %s is logged, and ends it with an exit code of its own after it has handed back',
  async (what, origin) => {
    const child = await startService(await environment(), ['--unhandled', what]);
    expect(await child.exited).toEqual({ code: 70, signal: null });
    const lines = child.lastLines();
    const logged = lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged).toContainEqual(
      expect.objectContaining({
        message: 'nobody handled an error; stopping',
        origin,
        error: expect.objectContaining({
          message: 'a fault of the code',
          stack: expect.stringContaining('fixtures/service'),
        }),
      }),
    );
    expect(logged.map(({ message }) => message)).toContain('handing back');
    expect(lines.at(-1)).toBe('error SERVICE_FAULT: nobody handled an error: a fault of the code');
  },
);

test('while it waits for its store it is alive but not ready, and can be stopped', async () => {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(ENTRY), '--http-port', '0'], {
    env: {
      ...process.env,
      LONGSHORE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      LONGSHORE_NATS_URL: broker.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes('waiting for the store')) resolve();
    });
  });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a service starts and works without NATS, says once that it waits, and ends when asked to', async () => {
  const child = await startService({ ...(await environment()), LONGSHORE_NATS_URL: 'nats://127.0.0.1:1' });
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const waits = child.lastLines().filter((line) => line.includes('waiting for NATS'));
  expect(waits).toHaveLength(1);
  expect(JSON.parse(waits[0]!)).toMatchObject({ code: 'BUS_UNAVAILABLE' });
});

test('a service whose NATS is lost says so by /readyz with its time, and in one line of its log', async () => {
  const lost = await startBroker();
  const child = await startService({ ...(await environment()), LONGSHORE_NATS_URL: lost.url });
  await lost.stop();
  const ready = async (): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${String(child.ready['httpUrl'])}/readyz`);
    return { status: response.status, text: await response.text() };
  };
  const answer = await vi.waitFor(
    async () => {
      const seen = await ready();
      expect(seen.status).toBe(503);
      return seen;
    },
    { timeout: 60_000, interval: 50 },
  );
  expect(JSON.parse(answer.text)).toEqual({
    status: 'not ready',
    reason: expect.stringMatching(/^NATS is away since 20\S+Z: no connection$/) as string,
  });
  expect(child.lastLines().filter((line) => line.includes('NATS is away'))).toHaveLength(1);
});

test('a file for NATS that is not there ends it with exit code 2 and one clear line', async () => {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(ENTRY)], {
    env: { ...process.env, ...(await environment()), LONGSHORE_NATS_CA: '/not/there.pem' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const printed: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => printed.push(line));
  const [code] = (await once(child, 'close')) as [number];
  expect(printed).toEqual(["error CONFIG_INVALID: the NATS CA file /not/there.pem can't be read (ENOENT)"]);
  expect(code).toBe(2);
});

test('a password that the store refuses is exit code 2', async () => {
  const url = new URL(await server.url());
  url.password = 'wrong';
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(ENTRY)], {
    env: { ...process.env, ...(await environment()), LONGSHORE_DATABASE_URL: url.href },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const printed: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => printed.push(line));
  const [code] = (await once(child, 'close')) as [number];
  expect(printed).toEqual([expect.stringMatching(/^error STORE_REFUSED: /)]);
  expect(code).toBe(2);
});

test('a start that hangs ends when asked to', async () => {
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(ENTRY), '--hang', '1', '--http-port', '0'],
    {
      env: { ...process.env, ...(await environment()) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('hanging')) resolve();
    });
  });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('it ends with its parent, also when that is killed', async () => {
  const parent = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url))],
    { env: { ...process.env, ...(await environment()) }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid), `process ${pid} is still there`).toBe(false), {
    timeout: 60_000,
    interval: 50,
  });
});
