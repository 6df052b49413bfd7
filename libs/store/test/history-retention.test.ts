import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { cancelTask, findForgottenTasks, findTaskByKey, forgetOldTasks, readEvents, readTask } from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { lead, leadingOwner, submit } from './fixtures/tasks.ts';

const server = useStoreServer();

describe('an archived task', () => {
  test('is forgotten after the retention, with its events and its key, and not before', async () => {
    const { db } = await server.store();
    const owner = await leadingOwner(db);
    const retention = await lead(db, 'balancer');
    const [old, recent, active] = [await submit(db), await submit(db), await submit(db)];
    for (const id of [old, recent]) {
      await cancelTask(db, id, 'a user', null);
      await owner.archive(id);
    }
    const key = (await readTask(db, old))?.key ?? '';
    await sql`UPDATE task_history SET archived_at = archived_at - interval '15 days' WHERE id = ${old}`.execute(db);

    expect(await forgetOldTasks(db, retention, 14)).toBe(false);
    expect(await readTask(db, old)).toBeNull();
    expect(await findTaskByKey(db, key)).toBeNull();
    expect(await readEvents(db, old, 0, 10)).toEqual([]);
    expect(await readTask(db, recent)).not.toBeNull();
    expect(await readEvents(db, recent, 0, 10)).not.toEqual([]);
    expect(await findForgottenTasks(db, [old, recent, active])).toEqual([old]);
  });
});
