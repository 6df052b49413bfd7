import { describe, expect, test } from 'vitest';
import { runSpec, startFixture } from '../start-fixture.ts';

/** What a runner does in a process of its own. The other tests run in threads, which share all but the way of a message. */
const CRASHED = { ok: false, stopped: null, isCrash: true, error: { code: 'RUNNER_CRASHED', permanent: false } };

test('a hook in a process of its own has all that it has in a thread', async () => {
  const { host, runner, start } = await startFixture({
    kind: 'process',
    connections: { main: 'postgres://p:secret@h/d' },
  });
  expect(runner).toMatchObject({ kind: 'process', type: { type: 'behaviours', runner: 'thread' }, isAlive: true });
  host.answer = (_, call) =>
    Promise.resolve(call.method === 'previous' && call.afterOrdinal === 0 ? [{ ordinal: 4 }] : []);
  expect(await host.settlement(start('read-previous'))).toMatchObject({ ok: true, result: [4] });
  expect(await host.settlement(start('checkpoint'))).toMatchObject({ ok: true, result: 'saved' });
  expect(host.calls).toContainEqual({ method: 'checkpoint', value: { at: 5 }, kept: { rows: 0, bytes: 0 } });
  expect(await host.settlement(start('task-type-error'))).toMatchObject({ ok: false, error: { code: 'TOY_BAD_ROW' } });
  const environment = await host.settlement(start('tell-environment'));
  expect(environment).toMatchObject({ ok: true, result: expect.not.arrayContaining(['LONGSHORE_DATABASE_URL']) });
  // What can't be sent is the subtask's error, and not the runner's end.
  expect(await host.settlement(start('unsendable-result'))).toMatchObject({
    ok: false,
    error: { code: 'SUBTASK_FAILED' },
  });
  const waiting = start('wait-for-abort');
  runner.abort(waiting, 'pause');
  expect(await host.settlement(waiting)).toMatchObject({ ok: true, result: { sawReason: 'pause', isTyped: true } });
  await runner.endTask('10');
  expect(runner.runs).toBe(0);
});

test.each([
  ['exit', /the process exited with code 3/],
  ['abort', /the process was ended by SIGABRT/],
  ['kill', /the process was ended by SIGKILL/],
  ['throw-later', /thrown where nobody waits/],
  ['throw-null-later', /null/],
  ['reject-unheard', /rejected where nobody waits/],
  ['hang-up', /the process was ended by SIGKILL/],
])('its end (%s) is known, settles all that runs there, and hurts nobody else', async (does, message) => {
  const { host, start, runner } = await startFixture({ kind: 'process' });
  const ids = [start('wait-for-abort'), start(does)];
  for (const id of ids) {
    const settled = await host.settlement(id);
    expect(settled).toMatchObject(CRASHED);
    expect(settled).toHaveProperty('error.message', expect.stringMatching(message));
  }
  await host.until('the end is told', () => host.crashes.length === 1);
  expect(runner).toMatchObject({ isAlive: false, runs: 0 });
  expect(await host.settlement(start('nothing'))).toMatchObject({ ok: false, error: { code: 'RUNNER_CRASHED' } });
});

test('it is told which processes there are, and ended at once, also while a hook blocks it: that is no crash', async () => {
  const seen: string[] = [];
  const watch = {
    started: (pid: number) => seen.push(`started ${pid}`),
    ended: (pid: number) => seen.push(`ended ${pid}`),
  };
  const { host, start, runner } = await startFixture({ kind: 'process', watch });
  const [pid] = seen.map((line) => Number(line.split(' ')[1]));
  const id = start('log-and-block');
  await host.until('it has begun', () => host.logs.length > 0);
  await runner.terminate();
  const settled = await host.settlement(id);
  expect(settled).toMatchObject({ ok: false, error: { code: 'RUNNER_CRASHED' } });
  expect(settled).not.toHaveProperty('isCrash');
  expect(host.crashes).toEqual([]);
  expect(seen).toEqual([`started ${pid}`, `ended ${pid}`]);
  expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s for all processes of a service leaves it to its executor',
  async (signal) => {
    let pid = 0;
    const { host, start } = await startFixture({
      kind: 'process',
      watch: { started: (started) => (pid = started), ended: () => undefined },
    });
    process.kill(pid, signal);
    expect(await host.settlement(start('nothing'))).toMatchObject({ ok: true });
  },
);

describe('memory beyond what its slots buy ends it', () => {
  test('in its heap', async () => {
    const { host, start } = await startFixture({ kind: 'process', memoryMib: 64 });
    expect(await host.settlement(start('fill-heap'), 120_000)).toMatchObject(CRASHED);
  });

  test.runIf(process.platform === 'linux').each(['fill-buffers', 'fill-buffers-and-block'])(
    'outside of it (%s)',
    async (does) => {
      const { host, start } = await startFixture({ kind: 'process', memoryMib: 96 });
      const settled = await host.settlement(start(does), 120_000);
      expect(settled).toMatchObject(CRASHED);
      expect(settled).toHaveProperty('error.message', expect.stringMatching(/used \d+ MiB, its slots buy 96 MiB/));
    },
  );
});

describe('a turn', () => {
  const turnOf = (...behaviours: readonly string[]) =>
    behaviours.map((does, index) => runSpec({ runId: `t${index + 1}`, ordinal: index + 1, meta: { does } }));

  test('is handed over one by one', async () => {
    const { host, runner } = await startFixture({ kind: 'process' });
    runner.startTurn(turnOf(...Array.from({ length: 50 }, () => 'nothing')));
    expect(await host.settlement('t50')).toMatchObject({ ok: true });
    const ids = host.endMessages.flatMap((ends) => ends.map((end) => end.runId));
    expect(ids).toEqual(Array.from({ length: 50 }, (_, index) => `t${index + 1}`));
    expect(runner.runs).toBe(0);
  });

  test('what has not begun is taken back at once, also from a process that is blocked', async () => {
    const { host, runner } = await startFixture({ kind: 'process' });
    const turn = runner.startTurn(turnOf('log-and-block', 'nothing', 'nothing'));
    await host.until('the first has begun', () => host.logs.length > 0);
    expect(turn.takeBack()).toEqual(['t2', 't3']);
    expect(turn.takeBack()).toEqual([]);
    expect(runner.runs).toBe(1);
  });

  test('when the process ends, only the one that was under way is to blame', async () => {
    const { host, runner } = await startFixture({ kind: 'process' });
    runner.startTurn(turnOf('nothing', 'abort', 'nothing'));
    const guilty = await host.settlement('t2');
    expect(guilty).toMatchObject(CRASHED);
    expect(guilty).not.toHaveProperty('isBlameless');
    expect(await host.settlement('t3')).toMatchObject({ ok: false, isBlameless: true });
    expect(await host.settlement('t1')).toMatchObject({ ok: true });
  });
});

test.each([
  ['broken/throws.ts', 'PLUGIN_LOAD_FAILED'],
  ['broken/not-a-type.ts', 'PLUGIN_INVALID'],
  ['broken/exits.ts', 'RUNNER_CRASHED'],
])('a package that can’t be loaded (%s) says so', async (file, code) => {
  await expect(startFixture({ kind: 'process', file })).rejects.toMatchObject({ code });
});

test.each(['broken/blocks.ts', 'broken/never-ready.ts'])(
  'one that doesn’t come to an end (%s) is ended',
  async (file) => {
    await expect(startFixture({ kind: 'process', file, loadTimeoutMs: 1_500 })).rejects.toMatchObject({
      code: 'RUNNER_CRASHED',
    });
  },
);
