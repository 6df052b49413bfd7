import { expect, test } from 'vitest';
import { readEvents, releaseUnknown } from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { addNode, claim, leadingOwner, runningTask } from './fixtures/tasks.ts';

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
