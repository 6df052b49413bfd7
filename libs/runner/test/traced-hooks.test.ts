import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFixture } from './start-fixture.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const ATTEMPT = 'b7ad6b7169203331';

let postgres: EmbeddedPostgres;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
});
afterAll(() => postgres.stop());

const start = (isTracing: boolean) =>
  startFixture({ file: 'traced.ts', setup: { isTracing }, connections: { target: postgres.url } });

test('spans of a hook, its waits and its SQL hang under its attempt, and arrive before its end', async () => {
  const fixture = await start(true);
  const id = fixture.start('', { trace: { traceparent: `00-${TRACE_ID}-${ATTEMPT}-01`, tracestate: 'vendor=1' } });
  expect(await fixture.host.settlement(id)).toMatchObject({ ok: true });
  const spans = fixture.host.spansByRun.get(id) ?? [];
  const named = new Map(spans.map((span) => [span.name, span]));
  const idOf = (name: string): string | undefined => named.get(name)?.context.traceparent.split('-')[2];
  const parentOf = (name: string): string | undefined => named.get(name)?.parent?.traceparent.split('-')[2];
  expect([...named.keys()]).toEqual(['waiting LOCK_HELD', 'pg.query:SELECT postgres', 'own', 'waiting NEVER_ENDED']);
  expect(new Set(spans.map((span) => span.context.traceparent.split('-')[1]))).toEqual(new Set([TRACE_ID]));
  expect(named.get('own')?.context.tracestate).toBe('vendor=1');
  for (const name of ['own', 'waiting LOCK_HELD', 'waiting NEVER_ENDED']) expect(parentOf(name)).toBe(ATTEMPT);
  expect(parentOf('pg.query:SELECT postgres')).toBe(idOf('own'));
  expect(named.get('waiting LOCK_HELD')?.attributes).toEqual({
    'longshore.waiting.code': 'LOCK_HELD',
    'longshore.waiting.message': 'the lock is held by pid 7',
  });
});

test.each([
  ['a trace that its client did not sample', true, { traceparent: `00-${TRACE_ID}-${ATTEMPT}-00` }],
  ['a runner that does not trace', false, { traceparent: `00-${TRACE_ID}-${ATTEMPT}-01` }],
  ['a run without a trace', true, undefined],
])('%s has no spans, and its hook does not notice', async (_, isTracing, trace) => {
  const fixture = await start(isTracing);
  expect(await fixture.host.settlement(fixture.start('', { trace }))).toMatchObject({ ok: true });
  expect(fixture.host.spansByRun.size).toBe(0);
});

test('what a hook measures is told to the executor, traced or not', async () => {
  const fixture = await start(false);
  await fixture.host.settlement(fixture.start(''));
  await fixture.host.until('there are measurements', () => fixture.host.measurements.length >= 3);
  expect(fixture.host.measurements.slice(0, 3)).toEqual([
    { name: 'traced.pieces', kind: 'counter', unit: '{piece}', help: '', attributes: { size: 'large' }, values: [5] },
    { name: 'traced.duration', kind: 'histogram', unit: 's', help: '', attributes: {}, values: [0.5] },
    { name: 'traced.observed', kind: 'counter', unit: '', help: '', attributes: {}, values: [1] },
  ]);
});
