import { MAX_META_BYTES } from '@longshore/core';
import { waitUntil } from '@longshore/test-kit';
import { expect, test } from 'vitest';
import {
  cancelTask,
  listenForSubmits,
  modifyTask,
  pauseTask,
  readEvents,
  readSchedulingSnapshot,
  readSubmitted,
  readTask,
  readTaskMeta,
  readTaskTraces,
  resumeTask,
  submitTask,
} from '../src/index.ts';
import { useStoreServer, type Session } from './fixtures/store-server.ts';
import { leadingOwner, newTask } from './fixtures/tasks.ts';

const server = useStoreServer();

const TRACE = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01', tracestate: 'a=b' };

/** Calls the function as a driver does: types of the arguments are left to the server. */
async function submit(session: Session, type: string, meta: unknown, options: unknown = {}): Promise<string> {
  const rows = await session.run<{ id: string }>(`SELECT longshore.submit_task($1, $2, $3) AS id`, [
    type,
    JSON.stringify(meta),
    JSON.stringify(options),
  ]);
  return rows[0]!.id;
}

test('a task is there with the commit, as it was asked for, with its key and its first event', async () => {
  const store = await server.store();
  const session = await store.session();
  await session.run('BEGIN');
  const options = { key: 'a', slots: 3, throttle: { rows: 10 }, trace: TRACE, scope: null };
  const id = await submit(session, 'toy', { rows: 1 }, options);
  expect(await readTask(store.db, id)).toBeNull();
  await session.run('COMMIT');
  expect(await readTask(store.db, id)).toMatchObject({ id, key: 'a', type: 'toy', typeVersion: '', state: 'pending' });
  expect(await readTaskMeta(store.db, id)).toEqual({ rows: 1 });
  expect(await readSubmitted(store.db, id)).toEqual({
    type: 'toy',
    meta: { rows: 1 },
    options: { slots: 3, throttle: { rows: 10 } },
  });
  expect(await readTaskTraces(store.db, [id])).toEqual(new Map([[id, TRACE]]));
  expect(await readEvents(store.db, id, 0, 10)).toMatchObject([
    { seq: 1, kind: 'submit', to: 'pending', actor: expect.stringMatching(/^sql /) },
  ]);
  expect(await readSchedulingSnapshot(store.db)).toMatchObject([{ id, isValidated: false }]);
});

test('a rollback leaves neither task nor key', async () => {
  const store = await server.store();
  const session = await store.session();
  await session.run('BEGIN');
  await submit(session, 'toy', {}, { key: 'a' });
  await session.run('ROLLBACK');
  for (const table of ['tasks', 'task_keys', 'task_events'])
    expect(await session.run(`SELECT 1 FROM ${table}`), table).toEqual([]);
});

test('the same call again gives the same task, spaces and order apart; other content under its key is refused', async () => {
  const session = await (await server.store()).session();
  const id = await submit(session, 'toy', { a: 1, bb: 2 }, { key: 'a', slots: 2, trace: TRACE });
  expect(await submit(session, 'toy', { bb: 2, a: 1 }, { slots: 2, key: 'a' })).toBe(id);
  for (const other of [submit(session, 'toy', { a: 2 }, { key: 'a' }), submit(session, 'toy', { a: 1 }, { key: 'a' })])
    await expect(other).rejects.toMatchObject({
      code: '23505',
      message: `TASK_KEY_TAKEN: key "a" belongs to task ${id}, which was submitted with other content`,
    });
  expect(await session.run('SELECT 1 FROM tasks')).toHaveLength(1);
});

test('a key of the API is taken for the function, and the other way round', async () => {
  const store = await server.store();
  const session = await store.session();
  await submitTask(store.db, newTask('api'));
  await expect(submit(session, 'toy', { key: 'api' }, { key: 'api' })).rejects.toThrow(/^TASK_KEY_TAKEN/);
  await submit(session, 'toy', {}, { key: 'sql' });
  await expect(submitTask(store.db, newTask('sql'))).rejects.toMatchObject({ code: 'TASK_KEY_TAKEN' });
});

test.each(['COMMIT', 'ROLLBACK'])(
  'a call waits for an open one of its key: after its %s both have a task',
  async (end) => {
    const store = await server.store();
    const [first, second] = [await store.session(), await store.session()];
    await second.run(`SET application_name = 'second'`);
    await first.run('BEGIN');
    const firstId = await submit(first, 'toy', {}, { key: 'a' });
    const waiting = submit(second, 'toy', {}, { key: 'a' });
    await store.blocked('second');
    await first.run(end);
    if (end === 'COMMIT') expect(await waiting).toBe(firstId);
    else expect(await waiting).not.toBe(firstId);
    expect(await first.run('SELECT id FROM tasks')).toEqual([{ id: await waiting }]);
  },
);

test('in a transaction with one snapshot a call that waited for its key fails as one that may be tried again', async () => {
  const store = await server.store();
  const [first, second] = [await store.session(), await store.session()];
  await second.run(`SET application_name = 'second'`);
  await second.run('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await second.run('SELECT 1 FROM tasks');
  await first.run('BEGIN');
  const id = await submit(first, 'toy', {}, { key: 'a' });
  const waiting = submit(second, 'toy', {}, { key: 'a' });
  const failing = expect(waiting).rejects.toMatchObject({ code: '40001' });
  await store.blocked('second');
  await first.run('COMMIT');
  await failing;
  await second.run('ROLLBACK');
  expect(await submit(second, 'toy', {}, { key: 'a' })).toBe(id);
});

test('20 calls of one key at once are one task', async () => {
  const store = await server.store();
  const sessions = await Promise.all(Array.from({ length: 20 }, () => store.session()));
  const ids = await Promise.all(sessions.map((session) => submit(session, 'toy', {}, { key: 'a' })));
  expect(new Set(ids).size).toBe(1);
  expect(await sessions[0]!.run('SELECT 1 FROM tasks')).toHaveLength(1);
});

test.each([
  [null, {}, {}, /^ARGUMENT_INVALID: type: /],
  ['x'.repeat(65), {}, {}, /^ARGUMENT_INVALID: type: /],
  ['toy', [], {}, /^ARGUMENT_INVALID: meta: expected a JSON object/],
  ['toy', {}, 'slots', /^ARGUMENT_INVALID: options: expected a JSON object/],
  ['toy', {}, { slot: 1, Key: 'a' }, /^ARGUMENT_INVALID: options: unknown name "Key", "slot"/],
  ['toy', {}, { key: '' }, /^ARGUMENT_INVALID: options.key: /],
  ['toy', {}, { key: 7 }, /^ARGUMENT_INVALID: options.key: /],
  ['toy', {}, { trace: { traceparent: 'none' } }, /^ARGUMENT_INVALID: options.trace: /],
  ['toy', {}, { scope: 'x'.repeat(70_000) }, /^ARGUMENT_INVALID: options: 70013 bytes/],
])('what can never become a task is refused at once: %s %j %#', async (type, meta, options, message) => {
  const session = await (await server.store()).session();
  const refused = submit(session, type as string, meta, options);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toHaveProperty('hint', expect.any(String));
});

test('a meta may have 256 KiB as JSON is written without spaces', async () => {
  const session = await (await server.store()).session();
  const list = Array.from({ length: 50_000 }, (_, index) => index % 10);
  const meta = { list, text: '' };
  meta.text = 'x'.repeat(MAX_META_BYTES - JSON.stringify(meta).length);
  await submit(session, 'toy', meta);
  meta.text += 'x';
  await expect(submit(session, 'toy', meta)).rejects.toThrow(
    `META_TOO_LARGE: the meta has ${MAX_META_BYTES + 1} bytes of JSON`,
  );
});

test('a role submits with USAGE and EXECUTE alone, can do nothing else, and nobody may without', async () => {
  const store = await server.store();
  const session = await store.session();
  await session.run(
    `CREATE ROLE shop; GRANT USAGE ON SCHEMA longshore TO shop; SET search_path = public; SET ROLE shop`,
  );
  await expect(submit(session, 'toy', {})).rejects.toMatchObject({ code: '42501' });
  await session.run(
    `RESET ROLE; GRANT EXECUTE ON FUNCTION longshore.submit_task(text, jsonb, jsonb) TO shop; SET ROLE shop`,
  );
  // A table of the caller's is not taken for ours.
  await session.run(`CREATE TEMP TABLE tasks (id bigint); CREATE TEMP TABLE task_keys (key text)`);
  const id = await submit(session, 'toy', {});
  expect(await readTask(store.db, id)).toMatchObject({ state: 'pending' });
  for (const table of ['tasks', 'task_keys', 'task_events', 'subtasks'])
    await expect(session.run(`SELECT 1 FROM longshore.${table}`), table).rejects.toMatchObject({ code: '42501' });
});

test('an owner gives it its settings once, and its deadline counts from its submit', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const id = await submit(await store.session(), 'toy', { asked: true }, { priority: 3 });
  const settings = { ...newTask('unused'), priority: 3, meta: { asked: true, more: 1 }, deadlineMs: 60_000 };
  expect(await owner.validate(id, settings)).toBe(true);
  expect(await owner.validate(id, { ...settings, priority: 4 })).toBe(false);
  expect(await readTask(store.db, id)).toMatchObject({ typeVersion: '1.0.0', priority: 3, slots: 4 });
  expect(await readTaskMeta(store.db, id)).toEqual({ asked: true, more: 1 });
  expect(await readSubmitted(store.db, id)).toBeNull();
  expect(await readSchedulingSnapshot(store.db)).toMatchObject([{ id, isValidated: true, priority: 3 }]);
  const session = await store.session();
  expect(await session.run(`SELECT deadline_at = created_at + interval '1 minute' AS same FROM tasks`)).toEqual([
    { same: true },
  ]);
});

test('a task that no owner has looked at yet can be cancelled, and is not validated after', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const id = await submit(await store.session(), 'toy', {});
  expect(await cancelTask(store.db, id, 'client test', null)).toMatchObject({ changed: true, state: 'reverted' });
  expect(await owner.validate(id, newTask('unused'))).toBe(false);
  expect(await owner.archive(id)).toBe(true);
  expect(await readTask(store.db, id)).toMatchObject({ state: 'reverted', outcome: 'canceled', isArchived: true });
});

test('a task that no owner has looked at yet can be paused and resumed, but not modified', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const id = await submit(await store.session(), 'toy', {});
  await expect(modifyTask(store.db, id, { slots: 2 }, 'client test', null)).rejects.toMatchObject({
    code: 'STATE_CONFLICT',
  });
  await pauseTask(store.db, id, 'client test', null);
  expect(await owner.validate(id, newTask('unused'))).toBe(false);
  await owner.settle(id);
  await resumeTask(store.db, id, 'client test', null);
  await owner.continue(id);
  expect(await owner.validate(id, newTask('unused'))).toBe(true);
});

test('a listener hears commits and no rollbacks, and goes on after its session was ended', async () => {
  const store = await server.store();
  const session = await store.session();
  const stopping = new AbortController();
  const lost: unknown[] = [];
  let heard = 0;
  const listening = listenForSubmits(store.process('listening').db, {
    onSubmit: () => (heard += 1),
    onError: (error) => lost.push(error),
    signal: stopping.signal,
  });
  const untilHeard = (count: number): Promise<number> =>
    waitUntil(
      () => Promise.resolve(heard),
      (calls) => calls === count,
      { what: `${count} calls` },
    );
  await untilHeard(1);
  await submit(session, 'toy', {});
  await untilHeard(2);
  await session.run('BEGIN');
  await submit(session, 'toy', {});
  await session.run('ROLLBACK');
  await session.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listening'`);
  await untilHeard(3);
  expect(lost).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
  await submit(session, 'toy', {});
  await untilHeard(4);
  stopping.abort();
  await listening;
});
