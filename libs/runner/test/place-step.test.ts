import { expect, test } from 'vitest';
import type { RunSpec } from '../src/index.ts';
import { startFixture, taskOf, type Fixture } from './start-fixture.ts';

const candidates: RunSpec['candidates'] = [
  { id: 'n1', labels: { zone: 'a' }, host: 'left' },
  { id: 'n2', labels: { zone: 'b' }, host: 'right' },
];

/** A node that runs hooks of a type which says where its steps run. */
async function placing(): Promise<Fixture & { plan: (placement: unknown) => string }> {
  const fixture = await startFixture({ file: 'placing.ts' });
  const plan = (placement: unknown): string =>
    fixture.start('', { kind: 'plan', candidates, task: taskOf({ meta: { placement }, step: null }) });
  return { ...fixture, plan };
}

test('a type says that it has the hook', async () => {
  const { runner } = await placing();
  expect(runner.type.hooks).toEqual(['eligibleNodes']);
});

test('a plan asks where its step may run before it writes, and is told over how many nodes it is spread', async () => {
  const { host, plan } = await placing();
  const placement = { nodeIds: ['n2'], labels: [{ label: 'zone', op: 'in', values: ['b', 'c'] }] };
  host.answer = (_, call) => Promise.resolve(call.method === 'plan-placement' ? 1 : null);
  const settled = await host.settlement(plan(placement));
  expect(settled).toMatchObject({ ok: true, result: { step: 'work', subtasks: 1, placement } });
  expect(host.calls).toEqual([{ method: 'plan-placement', placement }]);
});

test('a hook sees the nodes that the task could use, the step, and how many nodes the task has', async () => {
  const { host, start } = await placing();
  const run = { kind: 'place', step: 'work', candidates, task: taskOf({ meta: { placement: 'seen' } }) } as const;
  const settled = await host.settlement(start('', run));
  expect(settled).toMatchObject({
    ok: true,
    result: { placement: { nodeIds: ['n1@left/a', 'n2@right/b', 'work', '3'] } },
  });
});

test.each([
  ['nothing', undefined],
  ['a list', ['n1']],
  ['node ids that are none', { nodeIds: [1] }],
  ['no list of labels', { labels: { zone: 'a' } }],
  ['an operator that there is not', { labels: [{ label: 'zone', op: '~', value: 'a' }] }],
  ['a selector without a value', { labels: [{ label: 'zone', op: '=' }] }],
])('%s is no placement', async (_, placement) => {
  const { host, plan } = await placing();
  expect(await host.settlement(plan(placement))).toMatchObject({
    ok: false,
    error: { code: 'PLAN_INVALID', permanent: true },
  });
  expect(host.calls).toEqual([]);
});

test('an error of the hook is the error of its subtask', async () => {
  const { host, plan } = await placing();
  expect(await host.settlement(plan('error'))).toMatchObject({ ok: false, error: { code: 'TOY_PLACE' } });
});

test('a type without the hook has no say', async () => {
  const { host, start } = await startFixture();
  const run = { kind: 'place', step: 'work', task: taskOf({ meta: {} }) } as const;
  expect(await host.settlement(start('', run))).toMatchObject({ ok: true, result: { placement: null } });
});
