import { expect, test } from 'vitest';
import { startFixture } from './start-fixture.ts';

test('a loaded type describes itself as data', async () => {
  const { runner } = await startFixture();
  expect(runner.type).toEqual({
    type: 'behaviours',
    version: '1.2.3',
    description: 'Does what its subtasks say.',
    contract: 1,
    steps: ['split', 'work', 'count'],
    hooks: ['prepare', 'onDone', 'revert'],
    schema: { type: 'object' },
    defaults: { slots: 2 },
    runner: 'thread',
  });
  expect(runner).toMatchObject({ isAlive: true, runs: 0 });
});

test.each([
  ['a module that is not there', 'broken/missing.ts', 'PLUGIN_LOAD_FAILED', /cannot import broken\/missing\.ts/],
  ['a module that throws', 'broken/throws.ts', 'PLUGIN_LOAD_FAILED', /the module throws/],
  ['no default export', 'broken/no-default.ts', 'PLUGIN_INVALID', /no default export/],
  ['something that is no task type', 'broken/not-a-type.ts', 'PLUGIN_INVALID', /planStep is missing/],
  ['a meta without JSON Schema', 'broken/no-schema.ts', 'PLUGIN_INVALID', /JSON Schema/],
  ['a type that nobody defined', 'broken/not-defined.ts', 'PLUGIN_INVALID', /not made by defineTaskType/],
  ['another version of the contract', 'broken/other-contract.ts', 'PLUGIN_CONTRACT', /version 99 .* speaks 1/],
  ['settings that do not fit', 'with-settings.ts', 'PLUGIN_SETTINGS_INVALID', /with-settings.*root: expected a folder/],
  ['a module that ends its thread', 'broken/exits.ts', 'RUNNER_CRASHED', /ended while loading/],
  ['a module that is never ready', 'broken/never-ready.ts', 'RUNNER_CRASHED', /ended while loading/],
])('%s is refused with a code', async (_, file, code, message) => {
  await expect(startFixture({ file })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});

// Seen to fail without the limit: the start never came to an end.
test.each(['blocks', 'waits'])('a module that %s while it loads is ended after a time', async (how) => {
  const file = `broken/${how}.ts`;
  await expect(startFixture({ file, loadTimeoutMs: 300 })).rejects.toMatchObject({
    code: 'RUNNER_CRASHED',
    permanent: false,
    message: expect.stringMatching(`${file} was not loaded within 300 ms`) as string,
  });
});

test('an error of loading keeps what caused it', async () => {
  const error = await startFixture({ file: 'broken/throws.ts' }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ permanent: true, cause: { message: 'the module throws' } });
});

test('settings reach the hooks as the schema made them', async () => {
  const settings = { 'with-settings': { root: '/data', other: 1 } };
  const { host, start } = await startFixture({ file: 'with-settings.ts', settings });
  expect(await host.settlement(start('describe'))).toMatchObject({ ok: true, result: { settings: { root: '/data' } } });
});

test.each(['thread', 'process'] as const)('settings of other types are nowhere in its %s', async (kind) => {
  const settings = { 'with-settings': { root: '/s3cret-mine' }, other: { key: 's3cret-other' } };
  const { host, start } = await startFixture({ file: 'with-settings.ts', settings, kind, memoryMib: 512 });
  expect(await host.settlement(start('tell-secrets'))).toMatchObject({ ok: true, result: ['s3cret-mine'] });
});

test('a module that asks for the settings of another type is refused', async () => {
  await expect(startFixture({ file: 'broken/other-name.ts' })).rejects.toMatchObject({
    code: 'PLUGIN_INVALID',
    message: expect.stringContaining('it named the type import and offers behaviours') as string,
  });
});
