import { expect, test } from 'vitest';
import { startFixture, taskOf } from './start-fixture.ts';

test('what a step executor counts is reported, and complete at the end', async () => {
  const { runner, host, start } = await startFixture();
  const runId = start('count-own');
  const report = await host.until('counters are reported', () =>
    host.progressReports.flatMap(({ runs }) => runs).find((run) => run.runId === runId),
  );
  // What is no counter is left out.
  expect(report.summary).toEqual({ rows: 7, files: 1 });
  runner.abort(runId, 'pause');
  await host.settlement(runId);
  const end = host.endMessages.flat().find((one) => one.runId === runId);
  expect(end?.summary).toEqual({ rows: 8, files: 1 });
});

test('each attempt begins to count anew', async () => {
  const { runner, host, start } = await startFixture();
  const ends = async (runId: string): Promise<unknown> => {
    await host.until('counters are reported', () =>
      host.progressReports.some(({ runs }) => runs.some((run) => run.runId === runId)),
    );
    runner.abort(runId, 'move');
    await host.until('the attempt is over', () => host.endMessages.flat().some((one) => one.runId === runId));
    return host.endMessages.flat().find((one) => one.runId === runId)?.summary;
  };
  const first = await ends(start('count-own', { runId: '7' }));
  host.settlements.clear();
  host.endMessages.length = 0;
  host.progressReports.length = 0;
  expect(await ends(start('count-own', { runId: '7', attempt: 2 }))).toEqual(first);
});

test('a summary that fails is said once and ends nothing', async () => {
  const { host, start } = await startFixture();
  host.answer = () => Promise.resolve([]);
  const runId = start('', { step: 'count', task: taskOf({ meta: { failsToCount: true } }) });
  expect(await host.settlement(runId)).toMatchObject({ ok: true });
  const warnings = host.logs.filter(
    ([level, message]) => level === 'warn' && message === 'the summary of a subtask failed',
  );
  expect(warnings).toHaveLength(1);
  expect(host.endMessages.flat()[0]?.summary).toEqual({});
});
