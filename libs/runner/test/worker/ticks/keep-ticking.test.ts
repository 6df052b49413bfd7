import { expect, test } from 'vitest';
import { startFixture, taskOf, type Fixture } from '../../start-fixture.ts';

interface Ticking extends Fixture {
  /** The tick's run. */
  readonly id: string;
  /** What the calls have logged so far. */
  readonly lines: () => readonly string[];
  readonly untilLine: (line: string) => Promise<true>;
}

/** A node that runs a task's tick. @param ticks what its calls do, one after the other. */
async function ticking(...ticks: readonly string[]): Promise<Ticking> {
  const fixture = await startFixture({ file: 'ticking.ts' });
  const { host, start } = fixture;
  const id = start('', { kind: 'tick', step: '', task: taskOf({ meta: { ticks } }) });
  const lines = (): readonly string[] => host.logs.map(([, message]) => message);
  return { ...fixture, id, lines, untilLine: (line) => host.until(line, () => lines().includes(line) || undefined) };
}

test('a type says that it has the hook', async () => {
  const { runner } = await ticking();
  expect(runner.type.hooks).toEqual(['onTick']);
});

test('it is called again and again, also when a call takes longer than the interval, and never twice at once', async () => {
  const { lines, untilLine, host, id } = await ticking('slow', 'slow');
  await untilLine('ended 4');
  expect(lines().slice(0, 8)).toEqual([1, 2, 3, 4].flatMap((call) => [`began ${call}`, `ended ${call}`]));
  expect(host.settlements.has(id)).toBe(false);
});

test('between two calls nothing is expected of it', async () => {
  const { host } = await ticking();
  const report = await host.until('it rests', () => host.progressReports.at(-1)?.runs.find((run) => run.isResting));
  expect(report).toMatchObject({ waiting: null, isResting: true });
});

test.each(['cancel', 'pause', 'shutdown'] as const)(
  'asked to %s it ends, between two calls or in one',
  async (reason) => {
    for (const ticks of [[], ['until-stopped']]) {
      const { host, runner, id, untilLine } = await ticking(...ticks);
      await untilLine('began 1');
      runner.abort(id, reason);
      expect(await host.settlement(id)).toMatchObject({ ok: false, stopped: reason });
    }
  },
);

test('an error that may pass is logged, counted and shown, and the next call comes', async () => {
  // For three seconds: a phase is reported once a second.
  const failures = 30;
  const { host, id, untilLine } = await ticking(...Array<string>(failures).fill('fail'));
  const failed = await host.until('a failure is shown', () =>
    host.progressReports.flatMap(({ runs }) => runs).find((run) => run.phase !== null),
  );
  expect(failed).toMatchObject({ runId: id, phase: 'onTick failed: SUBTASK_FAILED: the target is away' });
  await untilLine(`ended ${failures + 1}`);
  const warnings = host.logs.filter(([level]) => level === 'warn');
  expect(warnings).toHaveLength(failures);
  expect(warnings[0]).toMatchObject(['warn', 'onTick failed, and is called again', { error: {} }]);
  const counted = (): number =>
    host.measurements
      .filter(({ name, attributes }) => name === 'longshore.tick.failures' && attributes['type'] === 'ticking')
      .reduce((sum, { values }) => sum + (values[0] ?? 0), 0);
  await host.until('all failures are counted', () => counted() === failures || undefined);
  await host.until('the failure is over', () => host.progressReports.at(-1)?.runs.some((run) => run.phase === null));
  expect(host.settlements.has(id)).toBe(false);
});

test.each([
  ['says so itself', 'fail-for-good', { code: 'TOY_GONE', message: 'the target is gone' }],
  ['is one by the type’s word', 'fail-as-judged', { code: 'SUBTASK_FAILED', message: 'no such target' }],
])('a permanent error that %s ends it', async (_, does, error) => {
  const { host, id } = await ticking('fail', does);
  expect(await host.settlement(id)).toMatchObject({ ok: false, stopped: null, error: { ...error, permanent: true } });
});
