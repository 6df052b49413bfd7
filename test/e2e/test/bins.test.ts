import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startBroker, startChild, startPostgres, type ChildProcessHandle } from '@longshore/embedded';
import { expect, onTestFinished, test, vi } from 'vitest';

const BINS = [
  ['cli', 'longshore'],
  ['owner', 'longshore-owner'],
  ['node-manager', 'longshore-node-manager'],
  ['balancer', 'longshore-balancer'],
  ['executor', 'longshore-executor'],
] as const;

const binOf = (app: string, bin: string): string =>
  fileURLToPath(new URL(`../../../apps/${app}/bin/${bin}.cjs`, import.meta.url));

test.each(BINS)('the bin of %s shows the help of %s', async (app, bin) => {
  const { stdout } = await promisify(execFile)(process.execPath, [binOf(app, bin), '--help']);
  expect(stdout).toContain(`Usage: ${bin}`);
});

test('a service that its bin runs in a child says when it is ready, and ends with its bin', async () => {
  const postgres = await startPostgres({ durable: false });
  const broker = await startBroker();
  onTestFinished(async () => {
    await broker.stop();
    await postgres.stop();
  });
  const start = (): Promise<ChildProcessHandle> =>
    startChild({
      name: 'node-manager',
      entry: binOf('node-manager', 'longshore-node-manager'),
      nodeArgs: [],
      env: { LONGSHORE_DATABASE_URL: postgres.url, LONGSHORE_NATS_URL: broker.url, LONGSHORE_MODE: 'development' },
    });

  const interrupted = await start();
  // The terminal sends it to the whole group: to the bin, which forwards it, and to its child.
  process.kill(-interrupted.pid, 'SIGINT');
  expect(await interrupted.exited).toEqual({ code: 0, signal: null });
  expect(interrupted.lastLines().join('\n')).toContain('node-manager is stopping');

  const killed = await start();
  killed.kill('SIGKILL');
  const answers = (): Promise<Response> => fetch(`${String(killed.ready['httpUrl'])}/healthz`);
  await vi.waitFor(() => expect(answers()).rejects.toThrow(), { timeout: 20_000 });
});
