import { describe, expect, test, vi } from 'vitest';
import { startFixture, taskOf } from './start-fixture.ts';

const rude = () => startFixture({ file: 'rude.ts' });

describe('what a hook may not say of itself fails it, for good', () => {
  // Seen before: all of these went on, and Postgres refused them together with the results of other tasks.
  test.each([
    ['count-half', 'REPORT_INVALID', '0.5'],
    ['count-nan', 'REPORT_INVALID', 'NaN'],
    ['count-huge', 'REPORT_INVALID', '1e+308'],
    ['count-back', 'REPORT_INVALID', '-1'],
    ['count-beyond', 'REPORT_INVALID', '2^53'],
    ['name-no-phase', 'REPORT_INVALID', 'phase'],
    ['return-nan', 'SUBTASK_FAILED', '"rows.0.total" is NaN'],
    ['return-infinity', 'SUBTASK_FAILED', 'it is Infinity'],
    ['return-large', 'SUBTASK_FAILED', 'loses digits'],
    ['return-nul', 'SUBTASK_FAILED', 'U+0000'],
    ['return-half-pair', 'SUBTASK_FAILED', 'surrogate'],
    // Seen before: it never ended.
    ['return-nested', 'SUBTASK_FAILED', 'levels deep'],
    ['save-nested', 'SUBTASK_FAILED', 'levels deep'],
    // Seen before: JSON made it null.
    ['return-hole', 'SUBTASK_FAILED', '"1" is missing'],
    // Seen before: it never ended.
    ['return-shared', 'SUBTASK_FAILED', '250,000 values'],
    // Posted to the executor, around what checks it in the thread.
    ['post-progress', 'REPORT_INVALID', 'rows'],
    ['post-result', 'REPORT_INVALID', 'bigint'],
    // Seen before: the executor's main thread was busy with it for minutes.
    ['post-sparse', 'REPORT_INVALID', '"0" is missing'],
  ])('%s: %s', async (does, code, words) => {
    const { host, start, runner } = await rude();
    const innocent = start('wait-for-abort');
    const settled = await host.settlement(start(does));
    expect(settled).toMatchObject({ ok: false, error: { code, permanent: true } });
    expect(settled).toHaveProperty('error.message', expect.stringContaining(words));
    runner.abort(innocent, 'cancel');
    expect(await host.settlement(innocent)).toMatchObject({ ok: true, result: 'waited' });
  });

  // Seen before: it ended the runner, and the innocent subtask with it.
  test.each(['throw-getter', 'throw-proxy'])('%s', async (does) => {
    const { host, start, runner } = await rude();
    const innocent = start('wait-for-abort');
    const settled = await host.settlement(start(does));
    expect(settled).toMatchObject({ ok: false, error: { code: 'SUBTASK_FAILED', permanent: false } });
    expect(settled).toHaveProperty('error.message', expect.stringContaining('throws itself'));
    runner.abort(innocent, 'cancel');
    expect(await host.settlement(innocent)).toMatchObject({ ok: true, result: 'waited' });
  });

  // Seen before: the executor's main thread was busy with it for longer than its lease.
  test('post-shared', async () => {
    const { host, start } = await rude();
    const settled = await host.settlement(start('post-shared'));
    expect(settled).toMatchObject({ ok: false, error: { code: 'X', permanent: true } });
  });

  test('and a result is what JSON makes of it', async () => {
    const { host, start } = await rude();
    expect(await host.settlement(start('return-class'))).toMatchObject({
      ok: true,
      result: { at: '1970-01-01T00:00:00.000Z', own: 7 },
    });
  });
});

test.each(['post-no-ends', 'post-no-runs', 'post-nested'])(
  'a message that nobody can read ends its runner, and nothing else (%s)',
  async (does) => {
    const { host, start } = await rude();
    const settled = await host.settlement(start(does));
    expect(settled).toMatchObject({ ok: false, error: { code: 'RUNNER_CRASHED', permanent: false } });
    await host.until('the end is told', () => host.crashes.length === 1);
  },
);

test('the end of a run that it does not have, and measurements that are none, are nobody’s', async () => {
  const { host, start, runner } = await rude();
  for (const does of ['post-other-end', 'post-measurements']) {
    expect(await host.settlement(start(does))).toMatchObject({ ok: true, result: 'done' });
  }
  expect([...host.settlements.keys()]).not.toContain('4711');
  expect(runner.isAlive).toBe(true);
});

test.each([
  [{ rows: 0.5 }, 'rows'],
  [{ bytes: Number.NaN }, 'bytes'],
  [{ rows: -1 }, 'rows'],
  [{ meta: { n: Number.NaN } }, '"n" is NaN'],
])('a plan with %o is refused', async (planned, words) => {
  const { host, start } = await rude();
  const task = taskOf({ meta: { plan: [planned] }, step: null });
  const settled = await host.settlement(start('', { kind: 'plan', task }));
  expect(settled).toMatchObject({ ok: false, error: { code: 'PLAN_INVALID', permanent: true } });
  expect(settled).toHaveProperty('error.message', expect.stringContaining(words));
});

test('a runner whose globals a hook has changed serves no other task', async () => {
  const { host, start, runner } = await rude();
  await host.settlement(start('nothing'));
  runner.check();
  await host.until('it was looked at', () => host.checks === 1);
  expect(runner.isReusable).toBe(true);
  expect(await host.settlement(start('change-globals'))).toMatchObject({ ok: true, result: 'changed' });
  runner.check();
  await host.until('it was looked at again', () => host.checks === 2);
  expect(runner.isReusable).toBe(false);
  await host.settlement(start('nothing'));
  expect(runner.isReusable).toBe(false);
});

test('a runner serves no other task while something runs in it, and until it was looked at afterwards', async () => {
  const { host, start, runner } = await rude();
  const seen: boolean[] = [];
  const settled = vi.spyOn(host, 'settled').mockImplementation((ends) => {
    seen.push(runner.isReusable);
    settled.mockRestore();
    host.settled(ends);
  });
  const waiting = start('wait-for-abort');
  expect(runner.isReusable).toBe(false);
  const other = start('nothing');
  await host.settlement(other);
  runner.abort(waiting, 'cancel');
  // Nothing is looked at while something runs.
  runner.check();
  await host.settlement(waiting);
  expect([host.checks, runner.isReusable]).toEqual([0, false]);
  runner.check();
  await host.until('it was looked at', () => host.checks === 1);
  expect([seen, runner.isReusable]).toEqual([[false], true]);
});

test('a flood of messages ends its runner', async () => {
  const { host, start } = await rude();
  const settled = await host.settlement(start('post-flood'));
  expect(settled).toMatchObject({ ok: false, error: { code: 'RUNNER_CRASHED' } });
  expect(settled).toHaveProperty('error.message', expect.stringContaining('messages a second'));
});

describe('a flood of log lines', () => {
  // Without a rate all 100,000 came, and whoever took them had time for nothing else.
  test.each(['log-much', 'post-much'])('is cut to a rate (%s)', async (does) => {
    const { host, start } = await rude();
    expect(await host.settlement(start(does))).toMatchObject({ ok: true });
    expect(host.logs.length).toBeGreaterThan(1_000);
    // What may come at once, and what came within the time that it took.
    expect(host.logs.length).toBeLessThan(15_000);
  });

  test('is told of, with how much was left out', async () => {
    const { host, start } = await rude();
    await host.settlement(start('log-much'));
    const told = await host.until('it is told', () => host.logs.find(([, message]) => message.includes('left out')));
    expect(Number(told[2]['dropped'])).toBeGreaterThan(50_000);
  });

  test('is no reason to lose a line that is only odd', async () => {
    const { host, start } = await rude();
    await host.settlement(start('log-nothing-good'));
    expect(host.logs.map(([, message]) => message)).toEqual(['{}', 'large']);
    expect(host.logs[1]?.[2]).toEqual({ omitted: expect.stringContaining('characters') as string });
  });
});
