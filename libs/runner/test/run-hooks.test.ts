import { StopReason } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import { runSpec, startFixture, taskOf } from './start-fixture.ts';

test('a subtask’s hook gets its task, its work and what an earlier attempt left', async () => {
  const { host, start, runner } = await startFixture();
  const id = start('describe', { attempt: 3, checkpoint: { at: 5 } });
  expect(runner.runs).toBe(1);
  const spec = runSpec();
  expect(await host.settlement(id)).toEqual({
    ok: true,
    rows: 0,
    bytes: 0,
    result: {
      task: spec.task,
      nodeId: 'node-1',
      attempt: 3,
      subtask: { id, step: 'work', ordinal: 1, meta: { does: 'describe' }, idempotencyKey: 'nightly/work/1' },
      checkpoint: { at: 5 },
      resource: spec.resource,
    },
  });
  expect(runner.runs).toBe(0);
});

test('an attempt begins with the progress of its checkpoint, and leaves to the next one what its own has', async () => {
  const { host, start } = await startFixture();
  const first = await host.settlement(start('count-and-save'));
  expect(first).toMatchObject({ ok: false, rows: 6, bytes: 50 });
  expect(host.calls).toEqual([{ method: 'checkpoint', value: { at: 5 }, kept: { rows: 5, bytes: 50 } }]);
  const second = await host.settlement(start('count-and-save', { kept: { rows: 5, bytes: 50 } }));
  expect(second).toMatchObject({ rows: 11, bytes: 100 });
  expect(host.calls.at(-1)).toMatchObject({ kept: { rows: 10, bytes: 100 } });
  expect(second).toMatchObject({ error: { message: 'it had 5 rows' } });
});

test('a type of an older SDK begins with no progress: it adds by itself what its checkpoint had', async () => {
  const { host, start } = await startFixture({ file: 'older-behaviours.ts' });
  const settled = await host.settlement(start('count-and-save', { kept: { rows: 5, bytes: 50 } }));
  expect(settled).toMatchObject({ rows: 6, bytes: 50, error: { message: 'it had 0 rows' } });
});

test('a subtask of another run of the same key has another idempotency key', async () => {
  const { host, start } = await startFixture();
  const task = { ...runSpec().task, run: 2 };
  expect(await host.settlement(start('describe', { task }))).toMatchObject({
    result: { subtask: { idempotencyKey: 'nightly/work/1/run-2' } },
  });
});

test('a hook that returns nothing has the result null', async () => {
  const { host, start } = await startFixture();
  expect(await host.settlement(start('nothing'))).toMatchObject({ ok: true, result: null });
});

test('control hooks: prepare, finish and what the type does not have', async () => {
  const { host, start } = await startFixture();
  const prepared = { slots: 4, meta: { path: '/data' } };
  const run = (kind: 'prepare' | 'finish' | 'clean', meta: object = {}): Promise<unknown> =>
    host.settlement(start('', { kind, task: taskOf({ meta }) }));
  expect(await run('prepare', { prepared })).toMatchObject({ ok: true, result: prepared });
  expect(await run('finish')).toMatchObject({ ok: true, result: { hook: 'onDone', step: 'work' } });
  expect(await run('clean')).toMatchObject({ ok: true, result: null });
});

test.each([
  ['slots below 1', { slots: 0 }, /slots or maxNodes below 1/],
  ['half a node', { maxNodes: 1.5 }, /slots or maxNodes below 1/],
  ['a meta that does not fit its schema', { meta: { invalid: true } }, /it says that it is invalid/],
])('prepare that returns %s fails for good', async (_, prepared, message) => {
  const { host, start } = await startFixture();
  const settled = await host.settlement(start('', { kind: 'prepare', task: taskOf({ meta: { prepared } }) }));
  expect(settled).toMatchObject({ ok: false, error: { code: 'PLAN_INVALID', permanent: true } });
  expect(settled).toHaveProperty('error.message', expect.stringMatching(message));
});

describe('asked to stop', () => {
  test.each(Object.values(StopReason))('a hook sees the reason: %s', async (reason) => {
    const { host, start, runner } = await startFixture();
    const [returning, throwing] = [start('wait-for-abort'), start('throw-when-aborted')];
    runner.abort(returning, reason);
    runner.abort(throwing, reason);
    expect(await host.settlement(returning)).toMatchObject({ ok: true, result: { sawReason: reason, isTyped: true } });
    expect(await host.settlement(throwing)).toMatchObject({ ok: false, stopped: reason });
  });

  test('the others in the runner go on', async () => {
    const { host, start, runner } = await startFixture();
    const [first, second] = [start('wait-for-abort'), start('wait-for-abort')];
    runner.abort(first, 'move');
    await host.settlement(first);
    expect(host.settlements.has(second)).toBe(false);
    runner.abort(second, 'cancel');
    expect(await host.settlement(second)).toMatchObject({ result: { sawReason: 'cancel' } });
  });

  test('after its end, or for another run, it does nothing', async () => {
    const { host, start, runner } = await startFixture();
    const id = start('nothing');
    await host.settlement(id);
    runner.abort(id, 'cancel');
    runner.abort('77', 'cancel');
    expect(await host.settlement(start('nothing'))).toMatchObject({ ok: true });
  });
});

describe('an error', () => {
  test.each([
    ['task-type-error', { code: 'TOY_BAD_ROW', permanent: true, message: 'row 7 is bad', details: { row: 7 } }],
    ['transient-task-type-error', { code: 'TOY_BUSY', permanent: false }],
    ['plain-error', { code: 'SUBTASK_FAILED', permanent: false, message: 'plain' }],
    ['hopeless-error', { code: 'SUBTASK_FAILED', permanent: true, message: 'hopeless' }],
    ['permanent-flag', { code: 'SUBTASK_FAILED', permanent: true }],
    ['transient-flag', { code: 'SUBTASK_FAILED', permanent: false }],
    ['driver-error', { code: 'SUBTASK_FAILED', permanent: false, message: 'duplicate key' }],
    ['confusing-error', { code: 'SUBTASK_FAILED', permanent: false, message: 'confusing' }],
    ['unsendable-error', { code: 'TOY_ODD', permanent: true }],
    ['unsendable-result', { code: 'SUBTASK_FAILED', permanent: true }],
    ['bigint-result', { code: 'SUBTASK_FAILED', permanent: true }],
    ['checkpoint-what-is-no-json', { code: 'SUBTASK_FAILED', permanent: true }],
    ['use-unknown-connection', { code: 'CONNECTION_UNKNOWN', permanent: true }],
  ])('of the behaviour %s is told as %j', async (does, error) => {
    const { host, start, runner } = await startFixture();
    expect(await host.settlement(start(does))).toMatchObject({ ok: false, stopped: null, error });
    expect(host.crashes).toEqual([]);
    expect(runner.isAlive).toBe(true);
  });

  test('keeps its cause', async () => {
    const { host, start } = await startFixture();
    expect(await host.settlement(start('task-type-error'))).toMatchObject({ error: { cause: { message: 'below' } } });
  });

  test('of a scheduler hook asks the scheduler whether it may pass', async () => {
    const { host, start } = await startFixture();
    const settled = await host.settlement(start('', { kind: 'revert' }));
    expect(settled).toMatchObject({ ok: false, error: { code: 'SUBTASK_FAILED', permanent: true } });
  });

  test('comes with what was done before it', async () => {
    const { host, start } = await startFixture();
    expect(await host.settlement(start('count-and-fail'))).toMatchObject({ ok: false, rows: 3, bytes: 30 });
  });
});

describe('a call to the executor', () => {
  test('stores a checkpoint', async () => {
    const { host, start } = await startFixture();
    expect(await host.settlement(start('checkpoint'))).toMatchObject({ ok: true, result: 'saved' });
    expect(host.calls).toEqual([{ method: 'checkpoint', value: { at: 5 }, kept: { rows: 0, bytes: 0 } }]);
  });

  test('that is refused reaches the hook with its code and its cause', async () => {
    const { host, start } = await startFixture();
    const refusal = { code: 'STATE_CONFLICT', permanent: true, cause: new Error('below') };
    host.answer = () => Promise.reject(Object.assign(new Error('not yours any more', refusal), refusal));
    expect(await host.settlement(start('checkpoint'))).toMatchObject({
      ok: false,
      error: { code: 'STATE_CONFLICT', permanent: true, message: 'not yours any more', cause: { message: 'below' } },
    });
  });

  test('reads the step before page by page, until one is empty', async () => {
    const { host, start } = await startFixture();
    host.answer = (_, call) => {
      if (call.method !== 'previous') return Promise.reject(new Error('not asked for'));
      const left = [1, 2, 3, 4, 5].filter((ordinal) => ordinal > call.afterOrdinal).slice(0, 2);
      return Promise.resolve(left.map((ordinal) => ({ ordinal, meta: {}, result: null, rows: 0, bytes: 0 })));
    };
    expect(await host.settlement(start('read-previous'))).toMatchObject({ ok: true, result: [1, 2, 3, 4, 5] });
    const pages = [0, 2, 4, 5].map((afterOrdinal) => ({ method: 'previous', step: 'split', afterOrdinal }));
    expect(host.calls).toEqual(pages);
  });

  test('writes log lines, whatever their fields are', async () => {
    const { host, start } = await startFixture();
    await host.settlement(start('log-everything'));
    expect(host.logs).toEqual([
      [
        'info',
        'odd fields',
        { ring: { name: 'ring', self: '[circular]' }, big: '1', error: { name: 'TypeError', message: 'bad' } },
      ],
      ['warn', 'no fields', {}],
    ]);
  });
});

test('progress is reported once a second at most, and complete at the end', async () => {
  const { host, start, runner } = await startFixture();
  const startedMs = performance.now();
  const id = start('count-up');
  await host.until('there are three reports', () => host.progressReports.length >= 3);
  runner.abort(id, 'cancel');
  const settled = await host.settlement(id);
  const reports = host.progressReports;
  for (const [index, report] of reports.entries()) {
    // Since the start: on a busy machine one report may come late, and the next one right after it. Timers of a thread may fire a few
    // milliseconds apart from the parent's clock.
    expect(report.atMs - startedMs).toBeGreaterThan(800 * index);
    expect(report.runs).toHaveLength(1);
  }
  const last = reports.at(-1)?.runs[0];
  expect(settled.rows).toBeGreaterThanOrEqual(last?.rows ?? Infinity);
  expect(settled.bytes).toBe(settled.rows * 10);
});

test('what a hook does and waits for is reported, the newest reason that holds', async () => {
  const { runner, host, start } = await startFixture();
  const runId = start('wait-and-say-why');
  const report = await host.until('a reason is reported', () =>
    host.progressReports.flatMap(({ runs }) => runs).find((run) => run.runId === runId && run.waiting !== null),
  );
  expect(report.phase).toBe('sorting');
  expect(report.waiting).toEqual({
    code: 'LOCK_HELD',
    message: 'the lock is held by pid 7',
    forMs: expect.any(Number) as number,
  });
  runner.abort(runId, 'shutdown');
  await host.settlement(runId);
});

test('a throttled hook asks the executor before each batch, and waits for the answer', async () => {
  const { host, start } = await startFixture();
  const answered = Promise.withResolvers<null>();
  host.answer = () => answered.promise;
  const runId = start('go-gently', { isThrottled: true });
  await host.until('it has asked', () => host.calls.length === 1);
  expect(host.settlements.has(runId)).toBe(false);
  answered.resolve(null);
  expect(await host.settlement(runId)).toMatchObject({ ok: true, result: 'gone' });
  expect(host.calls).toEqual([
    { method: 'throttle', cost: { rows: 5, statements: 1 }, isBatch: true },
    { method: 'throttle', cost: { bytes: 7 }, isBatch: false },
  ]);
});

test('a hook whose task has neither budget nor gates asks nobody', async () => {
  const { host, start } = await startFixture();
  expect(await host.settlement(start('go-gently'))).toMatchObject({ ok: true });
  expect(host.calls).toEqual([]);
});

test('a throttled hook that is stopped waits no longer', async () => {
  const { runner, host, start } = await startFixture();
  host.answer = () => new Promise(() => undefined);
  const runId = start('go-gently', { isThrottled: true });
  await host.until('it has asked', () => host.calls.length === 1);
  runner.abort(runId, 'pause');
  expect(await host.settlement(runId)).toMatchObject({ ok: false, stopped: 'pause' });
});
