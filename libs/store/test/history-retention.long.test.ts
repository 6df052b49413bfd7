import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { cancelTask, forgetOldTasks, readTask } from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { lead, leadingOwner, submit } from './fixtures/tasks.ts';

const server = useStoreServer();

/** Rows of tasks that are too recent to be forgotten. */
const RECENT_ROWS = 5_000_000;
const OLD_ROWS = 25_000;

test('an old task beside 5,000,000 recent subtasks is forgotten in pages that each end within the time limits', async () => {
  const store = await server.ownStore();
  const { db } = store;
  const owner = await leadingOwner(db);
  const old = await submit(db);
  await cancelTask(db, old, 'a user', null);
  await owner.archive(old);
  await sql`UPDATE task_history SET archived_at = archived_at - interval '15 days'`.execute(db);
  const plain = await store.session();
  for (const [task, rows] of [
    ['1000000', RECENT_ROWS],
    [old, OLD_ROWS],
  ] as const) {
    await plain.run(
      `INSERT INTO subtask_history (id, task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       SELECT n, $1::bigint, 'work', 'load', 1, n, 'succeed', 'n1', true, '{}' FROM generate_series(1, $2::int) n`,
      [task, rows],
    );
  }
  const retention = await lead(db, 'balancer');
  let pages = 0;
  let next = null;
  do {
    const page = await forgetOldTasks(db, retention, 14, next);
    expect(page.failed).toEqual([]);
    ({ next } = page);
    pages += 1;
  } while (next !== null);
  expect(pages).toBe(3);
  expect(await readTask(db, old)).toBeNull();
}, 600_000);
