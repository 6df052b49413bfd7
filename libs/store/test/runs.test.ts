import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  findTaskByKey,
  forgetOldTasks,
  listRuns,
  listTasks,
  readTask,
  submitTask,
  type Db,
  type SubmitCall,
} from '../src/index.ts';
import { useStoreServer, type Session, type TestStore } from './fixtures/store-server.ts';
import { lead, leadingOwner, newTask } from './fixtures/tasks.ts';

const server = useStoreServer();

interface Answer {
  readonly id: string;
  readonly created: boolean;
}

/** One of the two ways to submit the same task under the key `a`. */
interface Way {
  readonly submit: (store: TestStore, call?: SubmitCall & { readonly key?: string }) => Promise<Answer>;
}

const sessions = new WeakMap<TestStore, Promise<Session>>();
const sessionOf = async (store: TestStore): Promise<Session> => {
  const session = sessions.get(store) ?? store.session();
  sessions.set(store, session);
  return session;
};

const WAYS: Readonly<Record<string, Way>> = {
  'the services': {
    submit: (store, { key = 'a', ...call } = {}) => submitTask(store.db, newTask(key), call),
  },
  'the SQL function': {
    submit: async (store, { key = 'a', ...call } = {}) => {
      const session = await sessionOf(store);
      const before = await session.run<{ id: string }>('SELECT id FROM tasks UNION ALL SELECT id FROM task_history');
      const [row] = await session.run<{ id: string }>(`SELECT longshore.submit_task('toy', $1, $2)::text AS id`, [
        JSON.stringify({ key }),
        JSON.stringify({ key, ...call }),
      ]);
      return { id: row!.id, created: !before.some(({ id }) => id === row!.id) };
    },
  },
};

/** Ends a task as canceled, and lets it leave for history where that is asked for. */
async function end(db: Db, id: string, isArchived = false): Promise<void> {
  await cancelTask(db, id, 'a user', null);
  if (isArchived) await (await leadingOwner(db)).archive(id);
}

const numbersOf = async (db: Db, key = 'a'): Promise<readonly (readonly [string, number])[]> =>
  (await listRuns(db, key, { limit: 10 })).map(({ id, run }) => [id, run]);

describe.each(Object.entries(WAYS))('of a key that is submitted by %s', (_, { submit }) => {
  test.each([false, true])('no second run starts by itself, also after an end (archived: %s)', async (isArchived) => {
    const store = await server.store();
    const { id } = await submit(store);
    await end(store.db, id, isArchived);
    expect(await submit(store)).toEqual({ id, created: false });
    expect(await numbersOf(store.db)).toEqual([[id, 1]]);
  });

  test.each([false, true])('the next run starts again after an end (archived: %s)', async (isArchived) => {
    const store = await server.store();
    const first = await submit(store);
    await end(store.db, first.id, isArchived);
    const second = await submit(store, { again: true });
    expect(second.created).toBe(true);
    expect(second.id).not.toBe(first.id);
    expect(await numbersOf(store.db)).toEqual([
      [second.id, 2],
      [first.id, 1],
    ]);
    expect(await findTaskByKey(store.db, 'a')).toBe(second.id);
    expect(await submit(store)).toEqual({ id: second.id, created: false });
    expect(await readTask(store.db, first.id)).toMatchObject({ run: 1, key: 'a', outcome: 'canceled' });
    expect(await readTask(store.db, second.id)).toMatchObject({ run: 2, key: 'a', state: 'pending' });
    const runs = (await listTasks(store.db, { withHistory: true, limit: 10 })).map(({ run }) => run);
    expect(runs).toEqual([2, 1]);
  });

  test('no next run starts beside one that goes on', async () => {
    const store = await server.store();
    const { id } = await submit(store);
    expect(await submit(store, { again: true })).toEqual({ id, created: false });
    expect(await numbersOf(store.db)).toEqual([[id, 1]]);
  });

  test('a run with other content is refused, again or not', async () => {
    const store = await server.store();
    const { id } = await submit(store);
    await end(store.db, id);
    const other = { ...newTask('a'), contentHash: 'other' };
    for (const again of [false, true]) {
      await expect(submitTask(store.db, other, { again })).rejects.toMatchObject({ code: 'TASK_KEY_TAKEN' });
    }
    const session = await store.session();
    for (const again of [false, true]) {
      const refused = session.run(`SELECT longshore.submit_task('toy', '{"b": 1}', $1)`, [
        JSON.stringify({ key: 'a', again }),
      ]);
      await expect(refused).rejects.toThrow(/^TASK_KEY_TAKEN/);
    }
    expect(await numbersOf(store.db)).toEqual([[id, 1]]);
  });

  test('one call starts one run, however often and late it is repeated', async () => {
    const store = await server.store();
    const first = await submit(store, { submitId: 'one' });
    await end(store.db, first.id, true);
    const call = { submitId: 'two', again: true };
    const second = await submit(store, call);
    expect((await submit(store, call)).id).toBe(second.id);
    await end(store.db, second.id);
    // Its run has ended by now: a call that is not the same one would start the next.
    expect((await submit(store, call)).id).toBe(second.id);
    const third = await submit(store, { submitId: 'three', again: true });
    expect((await submit(store, call)).id).toBe(second.id);
    expect((await submit(store, { submitId: 'one' })).id).toBe(first.id);
    expect(await numbersOf(store.db)).toEqual([
      [third.id, 3],
      [second.id, 2],
      [first.id, 1],
    ]);
  });

  test('an id that started a run of another key is refused', async () => {
    const store = await server.store();
    const { id } = await submit(store, { submitId: 'one' });
    await end(store.db, id);
    await expect(submit(store, { submitId: 'one', key: 'b' })).rejects.toThrow(/"one" started task \d+/);
    await submit(store, { submitId: 'two', again: true });
    await expect(submit(store, { submitId: 'one', key: 'b', again: true })).rejects.toThrow(/"one" started task \d+/);
  });
});

describe('of many calls at once', () => {
  const calls: readonly (readonly [string, (index: number) => SubmitCall])[] = [
    ['with one id', () => ({ submitId: 'one', again: true })],
    ['with an id each', (index) => ({ submitId: `id-${index}`, again: true })],
    ['without ids', () => ({ again: true })],
  ];
  test.each(calls)('%s for a next run, one starts', async (_, call) => {
    const store = await server.store();
    const other = store.process('other').db;
    const first = await submitTask(store.db, newTask('a'));
    await end(store.db, first.id);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        submitTask(index % 2 === 0 ? store.db : other, newTask('a'), call(index)),
      ),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(answers.map(({ id }) => id)).not.toContain(first.id);
    expect((await numbersOf(store.db)).map(([, run]) => run)).toEqual([2, 1]);
  });

  test.each(calls)('%s for a next run through the SQL function, one starts', async (_, call) => {
    const store = await server.store();
    const open = await Promise.all(Array.from({ length: 10 }, () => store.session()));
    const submit = async (session: Session, options: SubmitCall): Promise<string> => {
      const rows = await session.run<{ id: string }>(`SELECT longshore.submit_task('toy', '{}', $1)::text AS id`, [
        JSON.stringify({ key: 'a', ...options }),
      ]);
      return rows[0]!.id;
    };
    const first = await submit(open[0]!, {});
    await end(store.db, first);
    const ids = await Promise.all(open.map((session, index) => submit(session, call(index))));
    expect(new Set(ids).size).toBe(1);
    expect((await numbersOf(store.db)).map(([, run]) => run)).toEqual([2, 1]);
  });

  test('one that waited for the next run of another finds it', async () => {
    const store = await server.store();
    const first = await submitTask(store.db, newTask('a'));
    await end(store.db, first.id);
    const session = await store.session();
    await session.run('BEGIN');
    await session.run(`SELECT 1 FROM task_keys WHERE key = 'a' FOR UPDATE`);
    const waiting = submitTask(store.process('waiting').db, newTask('a'), { again: true });
    await store.blocked('waiting');
    await session.run(
      `INSERT INTO earlier_runs SELECT task_id, key, run, content_hash, submit_id FROM task_keys WHERE key = 'a'`,
    );
    await session.run(`UPDATE task_keys SET task_id = 4711, run = 2, submit_id = 'other' WHERE key = 'a'`);
    await session.run(
      `INSERT INTO tasks (id, key, type, type_version, state, priority, scope, slots, slots_per_subtask, on_failure, meta, retry)
       OVERRIDING SYSTEM VALUE VALUES (4711, 'a', 'toy', '1', 'running', 512, '', 1, 1, 'revert', '{}', '{}')`,
    );
    await session.run('COMMIT');
    expect(await waiting).toEqual({ id: '4711', created: false });
  });
});

test('runs are listed in pages, and a forgotten one is listed no more; the next number goes on', async () => {
  const store = await server.store();
  const { db } = store;
  const owner = await leadingOwner(db);
  const ids: string[] = [];
  for (let run = 1; run <= 3; run++) {
    const { id } = await submitTask(db, newTask('a'), { again: true });
    await cancelTask(db, id, 'a user', null);
    await owner.archive(id);
    ids.unshift(id);
  }
  expect((await listRuns(db, 'a', { limit: 2 })).map(({ id }) => id)).toEqual(ids.slice(0, 2));
  expect((await listRuns(db, 'a', { before: ids[1], limit: 2 })).map(({ id }) => id)).toEqual(ids.slice(2));
  expect(await listRuns(db, 'b', { limit: 2 })).toEqual([]);

  const retention = await lead(db, 'balancer');
  const forget = async (id: string): Promise<void> => {
    await sql`UPDATE task_history SET archived_at = archived_at - interval '15 days' WHERE id = ${id}`.execute(db);
    expect(await forgetOldTasks(db, retention, 14)).toMatchObject({ forgotten: 1, failed: [] });
  };
  await forget(ids[2]!);
  expect(await numbersOf(db)).toEqual([
    [ids[0], 3],
    [ids[1], 2],
  ]);
  // The newest may be the first to be forgotten: a clean-up can keep the one before it.
  await forget(ids[0]!);
  expect(await findTaskByKey(db, 'a')).toBeNull();
  const next = await submitTask(db, newTask('a'));
  expect(next.created).toBe(true);
  expect(await numbersOf(db)).toEqual([
    [next.id, 3],
    [ids[1], 2],
  ]);
  await forget(ids[1]!);
  expect(await db.selectFrom('earlier_runs').selectAll().execute()).toEqual([]);
});

test('the version before goes on beside it: what it submits is a first run, and it finds the newest', async () => {
  const store = await server.store();
  const session = await store.session();
  const columns = 'key, type, type_version, state, priority, scope, slots, slots_per_subtask, on_failure, meta, retry';
  const [old] = await session.run<{ id: string }>(
    `WITH key AS (
       INSERT INTO task_keys (key, task_id, content_hash)
       VALUES ('a', nextval(pg_get_serial_sequence('tasks', 'id')), 'hash of a') ON CONFLICT (key) DO NOTHING RETURNING task_id)
     INSERT INTO tasks (id, ${columns}) OVERRIDING SYSTEM VALUE
     SELECT task_id, 'a', 'toy', '1.0.0', 'pending', 512, '', 1, 1, 'revert', '{}', '{}' FROM key RETURNING id`,
  );
  expect(await numbersOf(store.db)).toEqual([[old!.id, 1]]);
  await end(store.db, old!.id, true);
  const next = await submitTask(store.db, newTask('a'), { again: true });
  expect(await numbersOf(store.db)).toEqual([
    [next.id, 2],
    [old!.id, 1],
  ]);
  expect(await session.run(`SELECT task_id AS id, content_hash FROM task_keys WHERE key = 'a'`)).toEqual([
    { id: next.id, content_hash: 'hash of a' },
  ]);
  // It forgets a run without its row of earlier runs: that is listed no more, and its number is not given again.
  await session.run('DELETE FROM task_keys WHERE task_id = $1', [old!.id]);
  await session.run('DELETE FROM task_history WHERE id = $1', [old!.id]);
  expect(await numbersOf(store.db)).toEqual([[next.id, 2]]);
});

test.each([
  [{ again: 'yes' }, /^ARGUMENT_INVALID: options.again: /],
  [{ submitId: '' }, /^ARGUMENT_INVALID: options.submitId: /],
  [{ submitId: 'x'.repeat(65) }, /^ARGUMENT_INVALID: options.submitId: /],
])('the SQL function refuses %j', async (options, message) => {
  const session = await (await server.store()).session();
  const refused = session.run(`SELECT longshore.submit_task('toy', '{}', $1)`, [JSON.stringify(options)]);
  await expect(refused).rejects.toThrow(message);
});

test('a call of the SQL function without a key is one task for its id, and its options are no content', async () => {
  const session = await (await server.store()).session();
  const call = async (options: unknown): Promise<unknown> =>
    session.run(`SELECT longshore.submit_task('toy', '{}', $1)`, [JSON.stringify(options)]);
  const first = await call({ submitId: 'one', slots: 2 });
  expect(await call({ submitId: 'one', slots: 2 })).toEqual(first);
  expect(await call({ slots: 2, key: 'one', again: true })).toEqual(first);
  expect(await session.run('SELECT submitted FROM tasks')).toEqual([{ submitted: { slots: 2 } }]);
});
