import { toErrorData, type ErrorData } from '@longshore/core';
import { API, parseRequest, type ApiHandler, type ApiMethod } from '@longshore/protocol';
import { startBroker, type Broker } from '@longshore/embedded';
import { connectBus, type Bus } from '@longshore/bus';
import { registerType } from '@longshore/store';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiHandlers } from '../../src/api/handlers.ts';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(16);
let broker: Broker;
let bus: Bus;
let handlers: ReturnType<typeof apiHandlers>;

beforeAll(async () => {
  broker = await startBroker({});
  bus = await connectBus({ servers: broker.url, cluster: 'test', name: 'owner' });
  handlers = apiHandlers({
    store: owner.store(),
    bus,
    instance: 'o1',
    logger: { info: () => undefined },
    tracing: null,
    wakeLeader: () => undefined,
    maxScheduledTasks: 16,
  });
  const type = { type: 'toy', version: '1.0.0', description: '', contract: 1 };
  await registerType(owner.store().db, { ...type, steps: ['load'], hooks: ['modifyMeta'], schema: {}, defaults: {} });
  await owner.submit('known', { type: 'toy' });
});
afterAll(async () => {
  await bus.close();
  await broker.stop();
});

function nested(levels: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? { a: value } : [value];
  return value;
}

/** What somebody may put where a value is expected: as it comes out of `JSON.parse`. */
const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      '',
      '\0',
      'a\0b',
      '\ud800',
      '\udc00x',
      '__proto__',
      'constructor',
      'x'.repeat(100_000),
      "'; DROP TABLE tasks; --",
      '%',
      '\\',
    ],
    ...[0, -1, 1.5, 2 ** 31, 2 ** 53, 1e308, -1e308, Number.MAX_SAFE_INTEGER],
    ...['1', '0', '01', '-1', '9223372036854775807', '9223372036854775808', '1e3', ' 1', '1\n'],
    ...[null, true, [], {}, [[]], { __proto__: null }, nested(63), nested(65), nested(5_000)],
  ),
  fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
);

/** Texts that a schema of plain texts takes, and no column does. */
const poison = fc.constantFrom<unknown>('\0', 'a\0b', '\ud800', 'a\udfff', { a: '\0' }, [['\0']], nested(5_000), {
  a: nested(5_000),
});

/** Requests that are right, by method; methods without a row take an empty one, or name a task. */
const RIGHT: Readonly<Partial<Record<ApiMethod, Record<string, unknown>>>> = {
  'task.submit': { type: 'toy', meta: { a: 1 } },
  'task.list': {},
  'task.modify': { task: { key: 'known' }, changes: { priority: 7 } },
  'node.list': {},
  'limits.get': {},
  'limits.set': { maxScheduledTasks: 16 },
  'type.list': {},
};

const fieldsOf = (method: ApiMethod): string[] =>
  Object.keys((API[method].request as { readonly shape: object }).shape);

/** A right request of which one or two fields, or parts of one, are none. */
function almostRight(method: ApiMethod): fc.Arbitrary<unknown> {
  const right = RIGHT[method] ?? { task: { key: 'known' } };
  const names = [...fieldsOf(method), 'addedLater'];
  const value = fc.oneof(poison, hostile);
  const part = fc
    .tuple(fc.constantFrom('key', 'id', 'priority', 'meta', 'a', 'scope'), value)
    .map(([name, bad]) => ({ [name]: bad }));
  return fc
    .dictionary(fc.constantFrom(...names), fc.oneof(value, part), { minKeys: 1, maxKeys: 2 })
    .map((fields) => ({ ...right, ...fields }));
}

/** The answer of an owner, without the bus between. */
async function ask(method: ApiMethod, payload: unknown): Promise<ErrorData | null> {
  try {
    const parsed = parseRequest<unknown>(API[method].request, payload);
    const handler = handlers[method] as ApiHandler<ApiMethod>;
    const reply = await handler(parsed as never, { trace: null, principal: null });
    JSON.stringify(reply);
    return null;
  } catch (thrown) {
    return toErrorData(thrown);
  }
}

// Seen before: INTERNAL, transient, for a NUL in a key, a type, a scope or a filter, and for a meta of 5,000 levels.
test.each(Object.keys(API) as ApiMethod[])(
  '%s: whatever is asked, what is refused has a code and stays refused',
  async (method) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(hostile, { arbitrary: almostRight(method), weight: 9 }), async (payload) => {
        const error = await ask(method, payload);
        if (error === null) return;
        expect(error).toMatchObject({ permanent: true, code: expect.not.stringMatching(/^INTERNAL$/) as string });
      }),
      { numRuns: 150 },
    );
  },
);

test('keys that differ in half of a surrogate pair are both refused', async () => {
  for (const key of ['a\ud800', 'a\ud801']) {
    expect(await ask('task.submit', { type: 'toy', meta: {}, key })).toMatchObject({ code: 'ARGUMENT_INVALID' });
  }
});

test('a version of 100 KB is refused', async () => {
  const error = await ask('task.submit', { type: 'toy', meta: {}, typeVersion: '1'.repeat(100_000) });
  expect(error).toMatchObject({ code: 'ARGUMENT_INVALID', message: expect.stringContaining('typeVersion') as string });
});

test('a task that came through SQL with a meta that nobody can read ends, and the pass goes on', async () => {
  const store = owner.store();
  const other = await owner.submit('beside');
  const deep = JSON.stringify({ a: nested(3_000) });
  await store.db.executeQuery({
    ...store.db.selectNoFrom((eb) => eb.val(1).as('one')).compile(),
    sql: `SELECT longshore.submit_task('toy', $1::jsonb, '{"key": "deep"}')`,
    parameters: [deep],
  });
  await owner.round();
  await owner.round();
  const deepTask = await store.db
    .selectFrom('task_history')
    .select(['state', 'error'])
    .where('key', '=', 'deep')
    .executeTakeFirst();
  expect(deepTask).toMatchObject({ state: 'failed', error: { code: 'ARGUMENT_INVALID', permanent: true } });
  expect(await owner.isActive(other)).toBe(false);
});
