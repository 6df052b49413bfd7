import { expect, test } from 'vitest';
import { readEvents, releaseUnknown } from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { addNode, claim, leadingOwner, runningTask, settle } from './fixtures/tasks.ts';

const server = useStoreServer();

// Seen to fail when they became pending like the others: a subtask whose result could not be written ran a second time.
test('a row that its node lost track of fails when it may not run again', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const node = await addNode(db, 'n1');
  const taskId = await runningTask(db, owner, node, { rows: 3, isIdempotent: false });
  const [known, lost] = await claim(db, node, taskId, 2);
  expect(await releaseUnknown(db, node, [known!.id])).toBe(1);
  const rows = await db
    .selectFrom('subtasks')
    .select(['id', 'state'])
    .where('task_id', '=', taskId)
    .orderBy('id')
    .execute();
  expect(rows.map((row) => row.state)).toEqual(['running', 'failed', 'pending']);
  const row = await db.selectFrom('subtasks').select('error').where('id', '=', lost!.id).executeTakeFirstOrThrow();
  expect(row.error).toMatchObject({ code: 'NODE_LOST', permanent: true });
  const events = await readEvents(db, taskId, 0, 100);
  expect(events.at(-1)).toMatchObject({ kind: 'subtask-failed', subtaskId: lost!.id });
  expect(await claim(db, node, taskId, 9)).toMatchObject([{ ordinal: 3, attempt: 1 }]);
});

test('a row that was found is not freed when its node knows it by then', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const node = await addNode(db, 'n1');
  const taskId = await runningTask(db, owner, node, { rows: 2, isIdempotent: false });
  const [late, lost] = await claim(db, node, taskId, 2);
  const found: unknown[] = [];
  const freed = await releaseUnknown(db, node, [], (rows) => {
    found.push(...rows.map(({ id, attempt }) => ({ id, attempt })));
    return Promise.resolve(rows.filter((row) => row.id !== late!.id));
  });
  expect([freed, found.length]).toEqual([1, 2]);
  expect(found).toContainEqual({ id: late!.id, attempt: 1 });
  const rows = await db.selectFrom('subtasks').select(['id', 'state']).where('task_id', '=', taskId).execute();
  expect(new Map(rows.map((row) => [row.id, row.state]))).toEqual(
    new Map([
      [late!.id, 'running'],
      [lost!.id, 'failed'],
    ]),
  );
});

test('a row that was given back and claimed again since it was found is another hold', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const node = await addNode(db, 'n1');
  const taskId = await runningTask(db, owner, node, { rows: 1 });
  const [first] = await claim(db, node, taskId, 1);
  const freed = await releaseUnknown(db, node, [], async (rows) => {
    await settle(db, node, [first!], { how: 'hand-back', reason: 'a test' });
    expect(await claim(db, node, taskId, 1)).toMatchObject([{ attempt: 2 }]);
    return rows;
  });
  expect(freed).toBe(0);
  const row = await db.selectFrom('subtasks').select(['state', 'attempt']).executeTakeFirstOrThrow();
  expect(row).toEqual({ state: 'running', attempt: 2 });
});
