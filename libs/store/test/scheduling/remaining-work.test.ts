import { expect, test } from 'vitest';
import { readSchedulingSnapshot, type ScheduledTask } from '../../src/index.ts';
import { useStoreServer, type TestStore } from '../fixtures/store-server.ts';
import { addNode, claim, leadingOwner, planStep, settle, submit, SUCCEEDED } from '../fixtures/tasks.ts';

const server = useStoreServer();

async function remainingOf(store: TestStore, taskId: string): Promise<ScheduledTask['remaining'] | undefined> {
  const tasks = await readSchedulingSnapshot(store.db);
  return tasks.find((task) => task.id === taskId)?.remaining;
}

test('a snapshot says where the last subtasks of a step run and wait', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const [n1, n2] = [await addNode(store.db, 'n1'), await addNode(store.db, 'n2'), await addNode(store.db, 'n3')];
  const [taskId, other] = [await submit(store.db), await submit(store.db)];
  expect(await remainingOf(store, taskId)).toBeNull();
  await planStep(store.db, owner, n1, other, { rows: 9 });
  await planStep(store.db, owner, n1, taskId, { rows: 5, nodes: ['n1', 'n2'] });

  // Three wait, which is one for each node: more is not asked.
  const first = await claim(store.db, n1, taskId, 1);
  const second = await claim(store.db, n2, taskId, 1);
  expect(await remainingOf(store, taskId)).toBeNull();

  await settle(store.db, n1, first, SUCCEEDED);
  const third = await claim(store.db, n1, taskId, 1);
  expect(await remainingOf(store, taskId)).toEqual({ pending: ['n2', 'n1'], running: ['n1', 'n2'] });

  const error = { code: 'TOY_BUSY', message: 'not now', permanent: false };
  await settle(store.db, n1, third, { how: 'retry', error, afterMs: 3_600_000 });
  expect(await remainingOf(store, taskId)).toBeNull();
  const ahead = await claim(store.db, n2, taskId, 9);
  expect(await remainingOf(store, taskId)).toEqual({ pending: ['n1', 'n1'], running: ['n2'] });

  await store.db
    .updateTable('subtasks')
    .set({ exec_id: '' })
    .where('ordinal', '=', 5)
    .where('task_id', '=', taskId)
    .execute();
  expect(await remainingOf(store, taskId)).toEqual({ pending: ['n1', null], running: ['n2'] });

  // What another task has, or this one had, is not its rest.
  await settle(store.db, n2, [...second, ...ahead], SUCCEEDED);
  expect(await remainingOf(store, taskId)).toEqual({ pending: ['n1', null], running: [] });
  const rest = await claim(store.db, n1, taskId, 9);
  expect(rest).toEqual([]);
  await store.db.deleteFrom('subtasks').where('task_id', '=', taskId).execute();
  expect(await remainingOf(store, taskId)).toBeNull();
});
