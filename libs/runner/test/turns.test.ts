import { expect, test } from 'vitest';
import type { RunSpec } from '../src/index.ts';
import { runSpec, startFixture, type Fixture } from './start-fixture.ts';

/** Runs of one turn, each doing what its name says. */
function turnOf(...behaviours: readonly string[]): RunSpec[] {
  return behaviours.map((does, index) => runSpec({ runId: `t${index + 1}`, ordinal: index + 1, meta: { does } }));
}

const idsOf = ({ host }: Fixture): string[] => host.endMessages.flatMap((ends) => ends.map((end) => end.runId));

test('subtasks of a turn run one after the other, and their ends come together', async () => {
  const fixture = await startFixture();
  const { host, runner } = fixture;
  const runs = turnOf(...Array.from({ length: 100 }, () => 'nothing'));
  runner.startTurn(runs);
  await host.settlement('t100');
  expect(idsOf(fixture)).toEqual(runs.map((run) => run.runId));
  expect(host.endMessages.length).toBeLessThan(50);
  expect(runner.runs).toBe(0);
  const times = host.endMessages.flat().map((end) => end.time?.beganAt ?? Number.NaN);
  expect(times.toSorted((a, b) => a - b)).toEqual(times);
});

test('each has a result, a failure and a context of its own', async () => {
  const { host, runner } = await startFixture();
  runner.startTurn(turnOf('count-and-fail', 'describe', 'nothing'));
  expect(await host.settlement('t1')).toMatchObject({ ok: false, rows: 3, error: { message: 'plain' } });
  expect(await host.settlement('t2')).toMatchObject({
    ok: true,
    rows: 0,
    result: { subtask: { id: 't2', ordinal: 2 } },
  });
  expect(await host.settlement('t3')).toMatchObject({ ok: true, result: null });
});

test('an abort reaches the one that it names, and the others of its turn run', async () => {
  const { host, runner } = await startFixture();
  runner.startTurn(turnOf('nothing', 'wait-for-abort', 'nothing'));
  // The end before it isn't kept back until the turn is over.
  await host.settlement('t1');
  runner.abort('t2', 'pause');
  expect(await host.settlement('t2')).toMatchObject({ ok: true, result: { sawReason: 'pause' } });
  expect(await host.settlement('t3')).toMatchObject({ ok: true });
});

test('what has not begun is taken back at once, also from a thread that is blocked', async () => {
  const { host, runner } = await startFixture();
  const turn = runner.startTurn(turnOf('log-and-block', 'nothing', 'nothing'));
  await host.until('the first has begun', () => host.logs.length > 0);
  expect(turn.takeBack()).toEqual(['t2', 't3']);
  expect(turn.takeBack()).toEqual([]);
  expect(runner.runs).toBe(1);
  await runner.terminate();
  expect(await host.settlement('t1')).toMatchObject({ ok: false, error: { code: 'RUNNER_CRASHED' } });
  expect([...host.settlements.keys()]).toEqual(['t1']);
});

test('what was taken back before the runner looked at it never runs', async () => {
  const { host, runner, start } = await startFixture();
  const turn = runner.startTurn(turnOf('nothing', 'nothing'));
  // Here and now nothing of this thread can have reached the other one for sure; whatever it began comes to its end.
  const back = turn.takeBack();
  await host.settlement(start('nothing'));
  await expect.poll(() => runner.runs).toBe(0);
  const begun = ['t1', 't2'].filter((id) => host.settlements.has(id));
  expect([...begun, ...back]).toEqual(['t1', 't2']);
});

test('when the runner ends, only the one that was under way is to blame', async () => {
  const { host, runner } = await startFixture();
  runner.startTurn(turnOf('nothing', 'exit', 'nothing'));
  const guilty = await host.settlement('t2');
  expect(guilty).toMatchObject({ ok: false, error: { code: 'RUNNER_CRASHED' } });
  expect(guilty).not.toHaveProperty('isBlameless');
  expect(await host.settlement('t3')).toMatchObject({ ok: false, isBlameless: true });
  // Its end was on its way, or lost with the thread; in neither case was it its fault.
  const first = await host.settlement('t1');
  expect(first.ok || first.isBlameless === true).toBe(true);
});

test('a turn in a runner that has ended has begun nothing', async () => {
  const { host, runner } = await startFixture();
  await runner.terminate();
  const turn = runner.startTurn(turnOf('nothing', 'nothing'));
  expect(turn.takeBack()).toEqual([]);
  for (const id of ['t1', 't2']) expect(await host.settlement(id)).toMatchObject({ ok: false, isBlameless: true });
});
