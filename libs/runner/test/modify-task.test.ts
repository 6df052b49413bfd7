import { expect, test } from 'vitest';
import { runSpec, startFixture, taskOf } from './start-fixture.ts';

const task = taskOf({ meta: { speed: 1 } });
const GIB = 2 ** 30;

test('what runs is told of a new meta and of new slots without being stopped', async () => {
  const { host, runner, start } = await startFixture({ file: 'resizable.ts' });
  const id = start('', { task, meta: 2 });
  expect(await runner.modify({ taskId: '10', meta: { speed: 7 } })).toBe(true);
  expect(await runner.modify({ taskId: '10', resource: { step: 'work', slots: 4, memoryBytes: GIB } })).toBe(true);
  expect(await host.settlement(id)).toMatchObject({ ok: true, result: ['speed 7', `slots 4, ${GIB} bytes`] });
});

test('a step that is not open here has nothing to be told', async () => {
  const { runner } = await startFixture({ file: 'resizable.ts' });
  expect(await runner.modify({ taskId: '10', resource: { step: 'work', slots: 4, memoryBytes: GIB } })).toBe(true);
});

test('a type without the hook keeps what runs as it is', async () => {
  const { host, runner, start } = await startFixture({ file: 'resizable.ts' });
  const id = start('', { task, step: 'fixed' });
  expect(await runner.modify({ taskId: '10', resource: { step: 'fixed', slots: 4, memoryBytes: GIB } })).toBe(false);
  expect(await runner.modify({ taskId: '10', meta: { speed: 7 } })).toBe(true);
  runner.abort(id, 'shutdown');
  await host.settlement(id);
});

test('what a hook throws reaches who asked, with its code', async () => {
  const { host, runner, start } = await startFixture({ file: 'resizable.ts' });
  await host.settlement(start('', { task, meta: 0 }));
  await expect(runner.modify({ taskId: '10', meta: { speed: 200 } })).rejects.toMatchObject({ code: 'TOO_FAST' });
  const resource = { step: 'work', slots: 9, memoryBytes: GIB };
  await expect(runner.modify({ taskId: '10', resource })).rejects.toMatchObject({ code: 'TOO_WIDE', permanent: false });
});

test('a runner that ends meanwhile answers nobody', async () => {
  const { runner } = await startFixture();
  runner.start(runSpec({ meta: { does: 'block' } }));
  const refused = expect(runner.modify({ taskId: '10', meta: {} })).rejects.toMatchObject({ code: 'RUNNER_CRASHED' });
  await runner.terminate();
  await refused;
  await expect(runner.modify({ taskId: '10', meta: {} })).rejects.toMatchObject({ code: 'RUNNER_CRASHED' });
});

test('a budget that is set meanwhile is asked for from then on', async () => {
  const { host, runner, start } = await startFixture({ file: 'resizable.ts' });
  const id = start('', { task, meta: 1 });
  await runner.modify({ taskId: '10', isThrottled: true, meta: { speed: 7 } });
  await host.settlement(id);
  expect(host.calls).toMatchObject([{ method: 'throttle', cost: { rows: 1 } }]);
});

test('the type answers the whole new meta, which its schema checks', async () => {
  const { host, start } = await startFixture({ file: 'resizable.ts' });
  expect(await host.settlement(start('', { kind: 'modify', task, changes: { speed: 9 } }))).toMatchObject({
    ok: true,
    result: { speed: 9 },
  });
  expect(await host.settlement(start('', { kind: 'modify', task, changes: { speed: 99 } }))).toMatchObject({
    ok: false,
    error: { code: 'META_INVALID', permanent: true, message: expect.stringContaining('speed:') as unknown },
  });
});

test('a clean-up may answer what history keeps of the meta', async () => {
  const { host, start } = await startFixture({ file: 'resizable.ts' });
  expect(await host.settlement(start('', { kind: 'clean', task }))).toMatchObject({ result: { meta: { speed: -1 } } });
});

test('a subtask that would only wait gives itself back, with its reason', async () => {
  const { host, start } = await startFixture({ file: 'resizable.ts' });
  expect(await host.settlement(start('', { task, meta: 'postpone' }))).toMatchObject({
    ok: false,
    postponed: { code: 'LOCK_HELD', message: 'pid 7 has it', afterMs: 1_500 },
  });
});
