import { expect, test } from 'vitest';
import { startFixture } from '../start-fixture.ts';
import { packPlugin } from './pack-plugin.ts';

async function startPacked(patch: Parameters<typeof packPlugin>[1] = {}): ReturnType<typeof startFixture> {
  const moduleUrl = packPlugin('packed-plugin.ts', patch);
  return startFixture({ setup: { moduleUrl, packageName: 'packed-plugin' } });
}

/** The SDK's copy of a later release that has one more optional hook of the scheduler extension. */
const withHook = (name: string): Parameters<typeof packPlugin>[1] => ({
  'contract.js': (text) => replaced(text, 'const schedulerHooks = {', `const schedulerHooks = { ${name}: true,`),
});

function replaced(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

test('a packed plugin runs with a copy of the SDK of its own', async () => {
  const { host, start } = await startPacked();
  const settled = await host.settlement(start('tell-classes'));
  expect(settled).toMatchObject({
    ok: true,
    result: expect.stringMatching(/packed-.*\/@longshore\/sdk\/dist\/index\.js$/),
  });
});

// A host that compares classes takes a postponement for a failure, and finds no reason in a stop.
test.each([
  ['a postponement', 'postpone', { postponed: { code: 'LOCK_HELD', message: 'pid 7 holds the lock', afterMs: 5_000 } }],
  [
    'a permanent error',
    'fail-for-good',
    { error: { code: 'PACKED_BAD_ROW', permanent: true, details: { row: 7 }, cause: { message: 'below' } } },
  ],
  ['a transient error', 'fail-for-now', { error: { code: 'PACKED_BUSY', permanent: false } }],
  ['an error that its type calls hopeless', 'fail-hopelessly', { error: { code: 'SUBTASK_FAILED', permanent: true } }],
  ['an error that nobody knows', 'fail-somehow', { error: { code: 'SUBTASK_FAILED', permanent: false } }],
])('%s of a packed plugin is what it says', async (_, does, wanted) => {
  const { host, start } = await startPacked();
  expect(await host.settlement(start(does))).toMatchObject({ ok: false, stopped: null, postponed: null, ...wanted });
});

test.each(['cancel', 'pause', 'preempt', 'move', 'shutdown', 'lost-lease', 'timeout'] as const)(
  'a packed plugin is told why it is to stop: %s',
  async (reason) => {
    const { host, start, runner } = await startPacked();
    const [waiting, throwing] = [start('wait-for-stop'), start('throw-stop')];
    runner.abort(waiting, reason);
    runner.abort(throwing, reason);
    expect(await host.settlement(waiting)).toMatchObject({ ok: true, result: { reason, isStopped: true } });
    expect(await host.settlement(throwing)).toMatchObject({ ok: false, stopped: reason });
  },
);

test("a packed plugin recognises the host's errors", async () => {
  const { host, start } = await startPacked();
  const result = { code: 'CONNECTION_UNKNOWN', permanent: true };
  expect(await host.settlement(start('catch-host-error'))).toMatchObject({ ok: true, result });
});

test('a plugin of a later SDK is refused when it uses a hook that this host does not know, by its name', async () => {
  await expect(startPacked(withHook('onMoonrise'))).rejects.toMatchObject({
    code: 'PLUGIN_CONTRACT',
    permanent: true,
    message: expect.stringContaining('packed-plugin uses the hook scheduler.onMoonrise, unknown to this executor'),
  });
});

test('a hook that a later SDK brings refuses no plugin that does not use it', async () => {
  const { host, start } = await startPacked(withHook('onEclipse'));
  expect(await host.settlement(start('tell-classes'))).toMatchObject({ ok: true });
});

test('a plugin of a later contract is refused', async () => {
  const later = { 'contract.js': (text: string) => replaced(text, 'CONTRACT_VERSION = 1', 'CONTRACT_VERSION = 2') };
  await expect(startPacked(later)).rejects.toMatchObject({ code: 'PLUGIN_CONTRACT' });
});
