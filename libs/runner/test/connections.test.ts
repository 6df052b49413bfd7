import { Worker } from 'node:worker_threads';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { MessageToRunner, RunSpec } from '../src/channel/messages.ts';
import { runSpec, startFixture, taskOf, type Fixture, type FixtureOptions } from './start-fixture.ts';

/** Which connections the code of a task can use and find, in a runner that serves one task after the other. */

let server: EmbeddedPostgres;

beforeAll(async () => {
  server = await startPostgres({ durable: false });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  for (const role of ['shop', 'audit', 'gates']) {
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 's3cret-${role}'`);
  }
  await client.end();
});
afterAll(() => server.stop());

const urlOf = (role: string): string =>
  Object.assign(new URL(server.url), { username: role, password: `s3cret-${role}` }).href;

const start = (options: FixtureOptions = {}): Promise<Fixture> => {
  const connections = { shop: urlOf('shop'), audit: urlOf('audit') };
  return startFixture({ memoryMib: 512, connections, gateConnections: { shop: urlOf('gates') }, ...options });
};

const SHOP = taskOf({ id: '1', meta: { connection: 'shop' } });
const AUDIT = taskOf({ id: '2', meta: { connection: 'audit' } });
const NONE = taskOf({ id: '3' });

describe.each(['thread', 'process'] as const)('in a %s', (kind) => {
  test('code finds the connections of its task alone, also in a runner that another task had', async () => {
    const { host, runner, start: run } = await start({ kind });
    host.answer = () => Promise.resolve([]);
    expect(await host.settlement(run('tell-secrets', { task: NONE }))).toMatchObject({ ok: true, result: [] });
    const meta = { does: 'use-connection', connection: 'shop' };
    expect(await host.settlement(run('', { task: SHOP, meta }))).toMatchObject({ ok: true, result: 'shop' });
    // With what an executor of a step has opened, which stays until the task is over.
    const step = { step: 'count', task: { ...SHOP, step: 'count' } };
    expect(await host.settlement(run('', step))).toMatchObject({ ok: true, result: { answer: 42 } });
    await runner.endTask('1');
    const audit = { does: 'use-connection', connection: 'audit' };
    expect(await host.settlement(run('', { task: AUDIT, meta: audit }))).toMatchObject({ ok: true, result: 'audit' });
    const found = await host.settlement(run('tell-secrets', { task: AUDIT }));
    expect(found).toMatchObject({ ok: true, result: ['s3cret-audit'] });
    // All of this is ordinary use.
    runner.check();
    await expect.poll(() => runner.isReusable).toBe(true);
  });

  test.each([
    ['a type that declared others', AUDIT],
    ['a type that declared none', NONE],
  ])('%s is given no more when it asks for more', async (_, task) => {
    const { host, start: run } = await start({ kind });
    const meta = { does: 'use-connection', connection: 'shop' };
    const error = { code: 'CONNECTION_UNKNOWN', permanent: true };
    expect(await host.settlement(run('', { task, meta }))).toMatchObject({ ok: false, error });
    const asks = { does: 'ask-for-connections', names: ['shop'] };
    expect(await host.settlement(run('', { task, meta: asks }))).toMatchObject({ ok: true, result: { error } });
  });
});

/** What was posted to a runner. */
function kindsOf(calls: readonly (readonly unknown[])[]): readonly unknown[] {
  return calls.map(([message]) => (message as MessageToRunner).kind);
}

test('a run costs no message more, save the first one of a task', async () => {
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  onTestFinished(() => posted.mockRestore());
  const { host, runner, start: run } = await start();
  const messagesOf = async (runs: () => readonly string[]): Promise<readonly unknown[]> => {
    posted.mockClear();
    await Promise.all(runs().map((id) => host.settlement(id)));
    return kindsOf(posted.mock.calls);
  };
  expect(await messagesOf(() => [run('nothing', { task: SHOP })])).toEqual(['start', 'reply']);
  // As it was read from the store again.
  expect(await messagesOf(() => [run('nothing', { task: structuredClone(SHOP) })])).toEqual(['start']);
  const turn = (task: RunSpec['task'], from: number): readonly string[] => {
    const runs = [0, 1, 2].map((more) => runSpec({ runId: String(from + more), ordinal: from + more, task }));
    runner.startTurn(runs);
    return runs.map(({ runId }) => runId);
  };
  expect(await messagesOf(() => turn(SHOP, 100))).toEqual(['start-turn']);
  await runner.endTask('1');
  expect(await messagesOf(() => turn(AUDIT, 200))).toEqual(['start-turn', 'reply']);
  const other = { ...AUDIT, meta: { connection: 'shop' } };
  expect(await messagesOf(() => [run('nothing', { task: other })])).toEqual(['start', 'reply']);
});

test('a type that declares no connection is never asked', async () => {
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  onTestFinished(() => posted.mockRestore());
  const { host, start: run } = await start({ file: 'rude.ts' });
  expect(await host.settlement(run('post-measurements'))).toMatchObject({ ok: true });
  expect(kindsOf(posted.mock.calls)).toEqual(['start']);
});

test('a hook whose type can not say what it declares has no connection, and fails where it asks for one', async () => {
  const { host, start: run } = await start();
  const task = taskOf({ meta: { connection: 'shop', failsToDeclare: true } });
  expect(await host.settlement(run('nothing', { task }))).toMatchObject({ ok: true });
  const meta = { does: 'use-connection', connection: 'shop' };
  expect(await host.settlement(run('', { task, meta }))).toMatchObject({
    ok: false,
    error: { message: 'connections was told to fail' },
  });
});

test('a connection is gone when its hook is over, also for code that kept its context', async () => {
  const { host, start: run } = await start();
  const kept = { does: 'keep-context', connection: 'shop' };
  expect(await host.settlement(run('', { task: SHOP, meta: kept }))).toMatchObject({ ok: true });
  expect(await host.settlement(run('use-kept-context', { task: AUDIT }))).toMatchObject({
    ok: false,
    error: { code: 'CONNECTION_UNKNOWN', message: expect.stringContaining('over') as string },
  });
});
