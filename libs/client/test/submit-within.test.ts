import { MAX_META_BYTES } from '@longshore/core';
import pg from 'pg';
import { expect, expectTypeOf, test } from 'vitest';
import { submitWithin, type SubmitRequest } from '../src/index.ts';

/** What reached the driver of an application; answers as Postgres would, or fails with its words. */
function driver(failure?: Error) {
  const sent: unknown[][] = [];
  const run = (...statement: unknown[]): Promise<{ rows: unknown[] }> => {
    sent.push(statement);
    return failure === undefined ? Promise.resolve({ rows: [{ id: '7' }] }) : Promise.reject(failure);
  };
  return { sent, pg: { query: run }, kysely: { isTransaction: true, executeQuery: run } };
}

const TRACE = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' };

test('a driver gets the function with the type, the meta and the options that were given', async () => {
  const { sent, pg } = driver();
  const request: SubmitRequest = { type: 'toy', key: 'a', meta: { rows: 1 }, slots: 2, maxNodes: undefined };
  expect(await submitWithin(pg, request, { trace: TRACE })).toEqual({ id: '7' });
  expect(sent).toEqual([
    [
      'SELECT longshore.submit_task($1, $2::jsonb, $3::jsonb)::text AS id',
      ['toy', '{"rows":1}', JSON.stringify({ key: 'a', slots: 2, trace: TRACE })],
    ],
  ]);
});

test('Kysely gets the same as a compiled query, each with an id of its own', async () => {
  const { sent, kysely } = driver();
  for (const key of ['a', 'b']) await submitWithin(kysely, { type: 'toy', key, meta: {} });
  const text = 'SELECT longshore.submit_task($1, $2::jsonb, $3::jsonb)::text AS id';
  expect(sent).toMatchObject([
    [{ sql: text, query: { kind: 'RawNode', sqlFragments: [text] }, parameters: ['toy', '{}', '{"key":"a"}'] }],
    [{ sql: text, parameters: ['toy', '{}', '{"key":"b"}'] }],
  ]);
  const ids = sent.map(([query]) => (query as { queryId: { queryId: string } }).queryId.queryId);
  expect(new Set(ids).size).toBe(2);
});

test.each<[string, SubmitRequest, object]>([
  [
    'a priority out of bounds',
    { type: 'toy', meta: {}, priority: 0 },
    { code: 'ARGUMENT_INVALID', message: /priority/ },
  ],
  [
    'a name that is no option',
    { type: 'toy', meta: {}, slot: 1 } as SubmitRequest,
    { code: 'ARGUMENT_INVALID', message: /slot/ },
  ],
  ['a meta that is too large', { type: 'toy', meta: { text: 'x'.repeat(MAX_META_BYTES) } }, { code: 'META_TOO_LARGE' }],
])('%s is refused before anything is sent', async (_, request, error) => {
  const { sent, pg } = driver();
  const thrown: unknown = await submitWithin(pg, request).catch((one: unknown) => one);
  for (const [name, wanted] of Object.entries(error))
    expect((thrown as Record<string, unknown>)[name]).toEqual(
      wanted instanceof RegExp ? expect.stringMatching(wanted) : wanted,
    );
  expect(sent).toEqual([]);
});

test('a Kysely outside of a transaction is refused: the task would be there without the rest', async () => {
  const { sent, kysely } = driver();
  const submitting = submitWithin({ ...kysely, isTransaction: false }, { type: 'toy', meta: {} });
  await expect(submitting).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', message: /^transaction: / });
  expect(sent).toEqual([]);
});

test('a pool is refused, by its type as well: each of its statements commits by itself', async () => {
  const pool = new pg.Pool({ port: 1 });
  // @ts-expect-error -- a pool has no transaction
  const submitting = submitWithin(pool, { type: 'toy', meta: {} });
  await expect(submitting).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', message: /pool\.connect\(\)/ });
  await pool.end();
});

test('a client on which no BEGIN was awaited is refused', async () => {
  const { sent, pg: client } = driver();
  const idle = { ...client, getTransactionStatus: () => 'I' };
  await expect(submitWithin(idle, { type: 'toy', meta: {} })).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: /BEGIN/,
  });
  expect(sent).toEqual([]);
  expect(await submitWithin({ ...client, getTransactionStatus: () => 'T' }, { type: 'toy', meta: {} })).toEqual({
    id: '7',
  });
});

/** What the type of a transaction takes. */
test('a client of a pool and one of its own are taken', () => {
  expectTypeOf<pg.PoolClient>().toExtend<Parameters<typeof submitWithin>[0]>();
  expectTypeOf<pg.Client>().toExtend<Parameters<typeof submitWithin>[0]>();
});

test("the function's own errors get their code, others stay as they are", async () => {
  const taken = new Error('TASK_KEY_TAKEN: key "a" belongs to task 7, which was submitted with other content');
  await expect(submitWithin(driver(taken).pg, { type: 'toy', meta: {} })).rejects.toMatchObject({
    code: 'TASK_KEY_TAKEN',
    permanent: true,
    message: 'key "a" belongs to task 7, which was submitted with other content',
    cause: taken,
  });
  const denied = Object.assign(new Error('permission denied for function submit_task'), { code: '42501' });
  await expect(submitWithin(driver(denied).pg, { type: 'toy', meta: {} })).rejects.toBe(denied);
});
