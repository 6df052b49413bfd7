import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostCall, RunSpec } from '../src/index.ts';
import type { RecordingHost } from './recording-host.ts';
import { startFixture, taskOf } from './start-fixture.ts';

const count = (meta: object = {}, id = '10'): Partial<RunSpec> => ({ step: 'count', task: taskOf({ meta, id }) });

const cleanUps = (host: RecordingHost): number => host.logs.filter(([, message]) => message === 'cleaned up').length;

/** Holds back the answer that initialisation waits for. */
function holdInit(host: RecordingHost): PromiseWithResolvers<unknown> {
  const held = Promise.withResolvers<unknown>();
  host.answer = () => held.promise;
  return held;
}

const initCalls = (calls: readonly HostCall[]): number => calls.filter((call) => call.method === 'previous').length;

test('concurrent subtasks of a step share one initialisation', async () => {
  const { host, start } = await startFixture();
  const held = holdInit(host);
  const ids = [1, 2, 3, 4, 5].map(() => start('', count()));
  await host.until('it is initialising', () => initCalls(host.calls) === 1);
  held.resolve([]);
  for (const id of ids) expect(await host.settlement(id)).toMatchObject({ ok: true, result: { inits: 1 } });
});

test('a step executor is made for its task', async () => {
  const { host, start } = await startFixture();
  host.answer = () => Promise.resolve([]);
  expect(await host.settlement(start('', count()))).toMatchObject({ ok: true, result: { taskKey: 'nightly' } });
});

test('an initialisation that fails fails who waits for it, and is tried again by the next one', async () => {
  const { host, start } = await startFixture();
  const held = holdInit(host);
  const ids = [start('', count()), start('', count())];
  await host.until('it is initialising', () => initCalls(host.calls) === 1);
  held.resolve([{ ordinal: 1, result: 'fail' }]);
  for (const id of ids) expect(await host.settlement(id)).toMatchObject({ ok: false, error: { code: 'TOY_INIT' } });
  host.answer = () => Promise.resolve([]);
  expect(await host.settlement(start('', count()))).toMatchObject({ ok: true, result: { inits: 2 } });
});

test('a subtask that is stopped while it initialises takes nobody else with it', async () => {
  const { host, start, runner } = await startFixture();
  const held = holdInit(host);
  const [first, second] = [start('', count()), start('', count())];
  await host.until('it is initialising', () => initCalls(host.calls) === 1);
  runner.abort(first, 'move');
  host.answer = () => Promise.resolve([]);
  held.resolve([]);
  expect(await host.settlement(first)).toMatchObject({ ok: false, stopped: 'move' });
  expect(await host.settlement(second)).toMatchObject({ ok: true, result: { isAborted: false } });
});

test('a subtask that is stopped while another one initialises does not wait for that', async () => {
  const { host, start, runner } = await startFixture();
  const held = holdInit(host);
  const [first, second] = [start('', count()), start('', count())];
  await host.until('it is initialising', () => initCalls(host.calls) === 1);
  runner.abort(second, 'move');
  expect(await host.settlement(second)).toMatchObject({ ok: false, stopped: 'move' });
  held.resolve([]);
  expect(await host.settlement(first)).toMatchObject({ ok: true });
});

test('the end of a task cleans up its executors, once, and no other task’s', async () => {
  const { host, start, runner } = await startFixture();
  host.answer = () => Promise.resolve([]);
  await host.settlement(start('', count({}, '10')));
  await host.settlement(start('', count({}, '11')));
  await Promise.all([runner.endTask('10'), runner.endTask('10')]);
  await host.settlement(start('', count({}, '11')));
  expect(cleanUps(host)).toBe(1);
  expect(await host.settlement(start('', count({}, '10')))).toMatchObject({ result: { inits: 3 } });
});

test('an error of a clean-up is logged and changes nothing else', async () => {
  const { host, start, runner } = await startFixture();
  host.answer = () => Promise.resolve([]);
  const id = start('', count({ failsToCleanUp: true }));
  const settled = await host.settlement(id);
  expect(settled).toMatchObject({ ok: true, result: { inits: 1 } });
  await runner.endTask('10');
  const error = { code: 'TOY_CLEANUP', message: 'cleanup was told to fail' };
  expect(host.logs).toMatchObject([['warn', 'cleanup failed', { error }]]);
  // The next subtask finds nothing of what could not be cleaned up.
  expect(await host.settlement(start('', count()))).toMatchObject({ ok: true, result: { inits: 2 } });
  expect(host.settlements.get(id)).toBe(settled);
  expect([runner.isAlive, host.crashes, cleanUps(host)]).toEqual([true, [], 0]);
});

test('whoever waits for a clean-up is told when its thread has ended instead', async () => {
  const { runner, start } = await startFixture();
  start('block');
  const ended = runner.endTask('10');
  await runner.terminate();
  await ended;
  await runner.endTask('10');
});

describe('with a target database', () => {
  let postgres: EmbeddedPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ durable: false });
  });
  afterAll(() => postgres.stop());

  test('a connection that init opened serves every subtask after it, and ends with the task', async () => {
    const { host, start, runner } = await startFixture({ connections: { target: postgres.url } });
    host.answer = () => Promise.resolve([]);
    const meta = { connection: 'target' };
    for (let index = 0; index < 3; index++) {
      const settled = await host.settlement(start('', count(meta)));
      expect(settled).toMatchObject({ ok: true, result: { inits: 1, answer: 42, isAborted: false } });
    }
    await runner.endTask('10');
    expect(cleanUps(host)).toBe(1);
    expect(await host.settlement(start('', count(meta)))).toMatchObject({ ok: true, result: { inits: 2, answer: 42 } });
  });
});
