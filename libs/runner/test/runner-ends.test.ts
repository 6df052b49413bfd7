import { expect, test } from 'vitest';
import { startFixture } from './start-fixture.ts';

const CRASHED = { ok: false, stopped: null, error: { code: 'RUNNER_CRASHED', permanent: false } };

test.each([
  ['exit', /exited with code 3/],
  ['throw-later', /thrown where nobody waits/],
  ['throw-null-later', /null/],
  ['reject-unheard', /rejected where nobody waits/],
])('plugin code that ends the thread (%s) settles everything in it as crashed', async (does, message) => {
  const { host, start, runner } = await startFixture();
  const innocent = start('wait-for-abort');
  const guilty = start(does);
  for (const id of [innocent, guilty]) {
    const settled = await host.settlement(id);
    expect(settled).toMatchObject(CRASHED);
    expect(settled).toHaveProperty('error.message', expect.stringMatching(message));
  }
  await host.until('the end is told', () => host.crashes.length === 1);
  expect(runner).toMatchObject({ isAlive: false, runs: 0 });
});

test('a hook that blocks its thread can be ended', async () => {
  const { host, start, runner } = await startFixture();
  const id = start('block');
  runner.abort(id, 'cancel');
  await runner.terminate();
  expect(await host.settlement(id)).toMatchObject(CRASHED);
  expect(runner.isAlive).toBe(false);
  // Whoever has ended it need not be told: an executor would warn of each task's end.
  expect(host.crashes).toEqual([]);
});

test('a heap beyond what the slots buy ends the runner, not the process', async () => {
  const { host, start } = await startFixture({ memoryMib: 64 });
  const settled = await host.settlement(start('fill-heap'), 50_000);
  expect(settled).toMatchObject(CRASHED);
  expect(settled).toHaveProperty('error.message', expect.stringMatching(/memory|MiB/));
});

test.each(['fill-buffers', 'fill-buffers-and-block'])(
  'memory outside of the heap beyond what the slots buy ends the runner (%s)',
  async (does) => {
    const { host, start } = await startFixture({ memoryMib: 96 });
    const settled = await host.settlement(start(does), 50_000);
    expect(settled).toMatchObject(CRASHED);
    expect(settled).toHaveProperty('error.message', expect.stringMatching(/used \d+ MiB, its slots buy 96 MiB/));
  },
);

test('what is started in a runner that has ended is settled as crashed', async () => {
  const { host, start, runner } = await startFixture();
  await host.settlement(start('exit'));
  await host.until('the end is told', () => host.crashes.length === 1);
  expect(await host.settlement(start('nothing'))).toMatchObject(CRASHED);
  expect(runner.runs).toBe(0);
});

test('messages of plugin code that are not the runner’s are ignored', async () => {
  const { host, start, runner } = await startFixture();
  expect(await host.settlement(start('post-nonsense'))).toMatchObject({ ok: true, result: 'posted' });
  expect(runner.isAlive).toBe(true);
});

test('an end without runs can be asked for twice, and is told to nobody', async () => {
  const { host, runner } = await startFixture();
  await Promise.all([runner.terminate(), runner.terminate()]);
  expect(runner.isAlive).toBe(false);
  expect([host.settlements.size, host.crashes]).toEqual([0, []]);
});
