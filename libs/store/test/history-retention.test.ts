import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  findForgottenTasks,
  findTaskByKey,
  forgetOldTasks,
  readEvents,
  readTask,
  type Db,
} from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { lead, leadingOwner, submit } from './fixtures/tasks.ts';

const server = useStoreServer();

/** Tasks that were archived longer ago than any retention of these tests. */
async function archiveOld(db: Db, count: number): Promise<readonly string[]> {
  const owner = await leadingOwner(db);
  const ids: string[] = [];
  for (let task = 0; task < count; task++) {
    const id = await submit(db);
    await cancelTask(db, id, 'a user', null);
    await owner.archive(id);
    ids.push(id);
  }
  await sql`UPDATE task_history SET archived_at = archived_at - interval '15 days'`.execute(db);
  return ids;
}

/** Archived subtasks of a task. */
async function addHistory(db: Db, task: string, rows: number): Promise<void> {
  await sql`
    INSERT INTO subtask_history (id, task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
    SELECT 1000000 + n, ${task}::bigint, 'work', 'load', 1, n, 'succeed', 'n1', true, '{}' FROM generate_series(1, ${rows}::int) n`.execute(
    db,
  );
}

async function countHistory(db: Db, task: string): Promise<number> {
  const counted = await sql<{ rows: number }>`
    SELECT count(*)::int AS rows FROM subtask_history WHERE task_id = ${task}`.execute(db);
  return counted.rows[0]!.rows;
}

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

    expect(await forgetOldTasks(db, retention, 14)).toEqual({ forgotten: 1, failed: [], next: null });
    expect(await readTask(db, old)).toBeNull();
    expect(await findTaskByKey(db, key)).toBeNull();
    expect(await readEvents(db, old, 0, 10)).toEqual([]);
    expect(await readTask(db, recent)).not.toBeNull();
    expect(await readEvents(db, recent, 0, 10)).not.toEqual([]);
    expect(await findForgottenTasks(db, [old, recent, active])).toEqual([old]);
  });

  test('whose row somebody has locked delays no other', async () => {
    const store = await server.store();
    const { db } = store;
    const [locked, other] = await archiveOld(db, 2);
    await addHistory(db, locked!, 3);
    const session = await store.session();
    await session.run('BEGIN');
    await session.run('SELECT 1 FROM subtask_history WHERE task_id = $1 FOR UPDATE', [locked]);
    const retention = await lead(db, 'balancer');

    const page = await forgetOldTasks(db, retention, 14);
    expect(page).toMatchObject({ forgotten: 1, failed: [{ id: locked }], next: null });
    expect(await readTask(db, other!)).toBeNull();
    expect(await readTask(db, locked!)).not.toBeNull();

    await session.run('ROLLBACK');
    expect(await forgetOldTasks(db, retention, 14)).toMatchObject({ forgotten: 1, failed: [] });
    expect(await readTask(db, locked!)).toBeNull();
  });

  test('with more subtasks than a page goes page by page, and each page stays', async () => {
    const { db } = await server.store();
    const [old] = await archiveOld(db, 1);
    await addHistory(db, old!, 25_000);
    const retention = await lead(db, 'balancer');
    const left: number[] = [];
    let next = null;
    do {
      ({ next } = await forgetOldTasks(db, retention, 14, next));
      left.push(await countHistory(db, old!));
    } while (next !== null);
    expect(left).toEqual([15_000, 5_000, 0]);
    expect(await readTask(db, old!)).toBeNull();
  });
});
