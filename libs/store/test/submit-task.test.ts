import { expect, test } from 'vitest';
import { findTaskByKey, readEvents, readTask, readTaskMeta, submitTask } from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { newTask } from './fixtures/tasks.ts';

const server = useStoreServer();

test('a task is written with its key and its first event', async () => {
  const { db } = await server.store();
  const { id, created } = await submitTask(db, newTask('a'));
  expect(created).toBe(true);
  expect(await findTaskByKey(db, 'a')).toBe(id);
  expect(await findTaskByKey(db, 'b')).toBeNull();
  expect(await readTask(db, id)).toMatchObject({ id, key: 'a', state: 'pending', step: null, isArchived: false });
  expect(await readTaskMeta(db, id)).toEqual({ key: 'a' });
  expect(await readEvents(db, id, 0, 10)).toMatchObject([
    { seq: 1, kind: 'submit', to: 'pending', actor: 'client test' },
  ]);
});

test('the same submit made again finds the first one; other content under its key is refused', async () => {
  const { db } = await server.store();
  const { id } = await submitTask(db, newTask('a'));
  expect(await submitTask(db, newTask('a'))).toEqual({ id, created: false });
  await expect(submitTask(db, { ...newTask('a'), contentHash: 'other' })).rejects.toMatchObject({
    code: 'TASK_KEY_TAKEN',
    details: { taskId: id },
  });
  expect(await db.selectFrom('tasks').select('id').execute()).toHaveLength(1);
  expect(await readEvents(db, id, 0, 10)).toHaveLength(1);
});

test('20 submits of one key at once are one task', async () => {
  const store = await server.store();
  const other = store.process('other').db;
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => submitTask(index % 2 === 0 ? store.db : other, newTask('a'))),
  );
  expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
  expect(answers.filter((answer) => answer.created)).toHaveLength(1);
  expect(await store.db.selectFrom('tasks').select('id').execute()).toHaveLength(1);
});

test('a submit waits for another one of its key that is still open, and takes the key when that is rolled back', async () => {
  const store = await server.store();
  const session = await store.session();
  await session.run('BEGIN');
  await session.run(`INSERT INTO task_keys (key, task_id, content_hash) VALUES ('a', 4711, 'other')`);
  const submitting = submitTask(store.process('submitting').db, newTask('a'));
  await store.blocked('submitting');
  await session.run('ROLLBACK');
  expect(await submitting).toMatchObject({ created: true });
});
