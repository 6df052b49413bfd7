import type { HostCall, PlannedStep, PlanPage, Settled } from '../src/index.ts';
import { describe, expect, test } from 'vitest';
import { startFixture, taskOf } from './start-fixture.ts';

function pagesOf(calls: readonly HostCall[]): PlanPage[] {
  return calls.flatMap((call) => (call.method === 'plan-page' ? [call.page] : []));
}

/** The page that came with a plan's result. */
function lastPageOf(settled: Settled): PlanPage {
  const { lastPage } = (settled as unknown as { result: PlannedStep }).result;
  if (lastPage === null) throw new Error('the plan had no last page');
  return lastPage;
}

const plan = (meta: object, step: string | null = null): object => ({ kind: 'plan', task: taskOf({ meta, step }) });

test('a plan names its step, then hands over its subtasks in order, page by page, the last with its result', async () => {
  const { host, start } = await startFixture();
  const settled = await host.settlement(start('', { ...plan({ pages: 2.5 }), attempt: 2 }));
  expect(settled).toMatchObject({
    ok: true,
    result: { step: 'split', planAttempt: 2, subtasks: 2_500, totalRows: 5_000, totalBytes: 7_500 },
  });
  expect(host.calls[0]).toEqual({ method: 'plan-start', step: 'split' });
  const pages = [...pagesOf(host.calls), lastPageOf(settled)];
  expect(pages.map((page) => page.subtasks.length)).toEqual([1_000, 1_000, 500]);
  const ordinals = pages.flatMap((page) => page.subtasks.map(({ meta }) => (meta as { ordinal: number }).ordinal));
  expect(ordinals).toEqual(Array.from({ length: 2_500 }, (_, index) => index + 1));
});

test('the first plan of a task has nothing to clear, and says nothing before its pages', async () => {
  const { host, start } = await startFixture();
  await host.settlement(start('', plan({ pages: 1.5 })));
  expect(host.calls.map(({ method }) => method)).toEqual(['plan-page']);
});

test('large metas make smaller pages', async () => {
  const { host, start } = await startFixture();
  const settled = await host.settlement(start('', plan({ pages: 1, rowsPerPage: 200, metaBytes: 60_000 })));
  const sizes = [...pagesOf(host.calls), lastPageOf(settled)].map((page) => JSON.stringify(page.subtasks).length);
  expect(sizes.length).toBe(3);
  for (const size of sizes) expect(size).toBeLessThan(5 * 1024 * 1024);
});

test('a step without subtasks is planned without a page', async () => {
  const { host, start } = await startFixture();
  const settled = await host.settlement(start('', plan({}, 'split')));
  expect(settled).toMatchObject({
    result: { step: 'work', subtasks: 0, totalRows: null, totalBytes: null, lastPage: null },
  });
  expect(host.calls).toEqual([{ method: 'plan-start', step: 'work' }]);
});

test('after the last step there is none', async () => {
  const { host, start } = await startFixture();
  expect(await host.settlement(start('', plan({}, 'count')))).toMatchObject({ ok: true, result: { step: null } });
  expect(host.calls).toEqual([]);
});

test('each subtask carries whether it may be run again, as the type says of its step and meta', async () => {
  const { host, start } = await startFixture();
  const settled = [
    await host.settlement(start('', plan({ pages: 0.003 }, 'split'))),
    await host.settlement(start('', plan({ pages: 0.003 }, 'work'))),
  ];
  const flags = settled.map(lastPageOf).map((page) => [page.step, page.subtasks.map((one) => one.isIdempotent)]);
  expect(flags).toEqual([
    ['work', [true, true, true]],
    ['count', [false, true, false]],
  ]);
});

test('the plan is never more than one page ahead of what is written', async () => {
  const { host, start } = await startFixture();
  const writing: (() => void)[] = [];
  host.answer = (_, call) => {
    if (call.method !== 'plan-page') return Promise.resolve(null);
    return new Promise((resolve) => writing.push(() => resolve(null)));
  };
  const made = (): number => Math.max(0, ...host.logs.map(([, , fields]) => Number(fields['ordinal'])));
  const id = start('', plan({ pages: 5 }));
  for (let page = 1; page <= 5; page++) {
    await host.until(`page ${page} is being written`, () => writing.length === page);
    await host.until('the page after it is made', () => made() >= Math.min(5, page + 1) * 1_000);
    // The thread has had its turn when it has run something else.
    await host.settlement(start('nothing'));
    expect(writing).toHaveLength(page);
    expect(made()).toBe(Math.min(5, page + 1) * 1_000);
    writing[page - 1]?.();
  }
  expect(await host.settlement(id)).toMatchObject({ ok: true, result: { subtasks: 5_000 } });
});

test('a page that is refused ends the plan with the executor’s code', async () => {
  const { host, start } = await startFixture();
  host.answer = (_, call) =>
    call.method === 'plan-page' && (call.page.subtasks[0]?.meta as { ordinal: number }).ordinal > 1_000
      ? Promise.reject(Object.assign(new Error('the task was cancelled'), { code: 'STATE_CONFLICT', permanent: true }))
      : Promise.resolve(null);
  const settled = await host.settlement(start('', plan({ pages: 50 })));
  expect(settled).toMatchObject({ ok: false, error: { code: 'STATE_CONFLICT', permanent: true } });
  expect(pagesOf(host.calls).length).toBe(2);
});

test('a plan that is asked to stop ends between two subtasks', async () => {
  const { host, start, runner } = await startFixture();
  const page = Promise.withResolvers<null>();
  host.answer = (_, call) => (call.method === 'plan-page' ? page.promise : Promise.resolve(null));
  const id = start('', plan({ pages: 50 }));
  await host.until('a page is being written', () => pagesOf(host.calls).length === 1);
  runner.abort(id, 'cancel');
  page.resolve(null);
  expect(await host.settlement(id)).toMatchObject({ ok: false, stopped: 'cancel' });
  expect(pagesOf(host.calls).length).toBeLessThanOrEqual(2);
});

test.each([
  ['an error of the hook', { pages: 1, stopAt: 700 }, { code: 'TOY_PLAN', message: 'the plan ends at 700' }],
  [
    'a subtask without a meta',
    { pages: 1, bad: 3 },
    { code: 'PLAN_INVALID', message: /the meta of subtask 3 is not JSON: it is missing/ },
  ],
  [
    'a meta that is too large',
    { pages: 1, metaBytes: 70_000 },
    { code: 'PLAN_INVALID', message: /subtask 1 has \d+ bytes, at most 65536/ },
  ],
])('%s fails the plan', async (_, meta, { code, message }) => {
  const { host, start } = await startFixture();
  const settled = await host.settlement(start('', plan(meta)));
  expect(settled).toMatchObject({ ok: false, error: { code, permanent: true } });
  expect(settled).toHaveProperty('error.message', expect.stringMatching(message));
});

test('a plan shows that it goes on with each subtask, without a page', async () => {
  const { host, start } = await startFixture();
  const writing = Promise.withResolvers<null>();
  host.answer = () => writing.promise;
  const id = start('', plan({ pages: 1.5 }));
  await host.until('a sign of life', () =>
    host.progressReports.flatMap(({ runs }) => runs).find((run) => run.runId === id),
  );
  writing.resolve(null);
  expect(await host.settlement(id)).toMatchObject({ ok: true });
});

describe('a plan without end', () => {
  test.each([
    ['its type', 2_500, null, 'type', 'let the task type allow more (maxSubtasksPerStep)'],
    ['its type, which allows fewer than the cluster', 2_500, 5_000, 'type', 'let the task type allow more'],
    ['the cluster', 1_000, 1_000, 'cluster', 'longshore limits set --max-subtasks-per-step'],
  ])('ends at the limit of %s', async (_, maxSubtasks, maxSubtasksPerStep, from, help) => {
    const { host, start } = await startFixture({ file: 'endless.ts' });
    const settled = await host.settlement(start('', { ...plan({}), maxSubtasksPerStep }));
    expect(settled).toMatchObject({
      ok: false,
      error: { code: 'STEP_TOO_LARGE', permanent: true, details: { step: 'work', maxSubtasks, from } },
    });
    expect((settled as { readonly error: { readonly message: string } }).error.message).toContain(help);
    // Nothing beyond the limit was written.
    expect(pagesOf(host.calls).flatMap((page) => page.subtasks)).toHaveLength(Math.floor(maxSubtasks / 1_000) * 1_000);
  });

  test('is none with as many subtasks as the limit', async () => {
    const { host, start } = await startFixture({ file: 'endless.ts' });
    const settled = await host.settlement(start('', plan({ subtasks: 2_500 })));
    expect(settled).toMatchObject({ ok: true, result: { subtasks: 2_500 } });
  });
});
