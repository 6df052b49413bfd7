import { expect, test } from 'vitest';
import { waitUntil } from '@longshore/test-kit';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

/**
 * Seen to fail, both: the statement waited for an answer that could not come, and with it the subtask, its slots and a deadline that asks it to
 * stop.
 */
test('work whose session was dropped without a word fails as away, once the server has nothing to do for it', async () => {
  const store = await target();
  await store.openFence();
  const proxy = await store.proxy();
  const { connection } = store.attempt({ url: proxy.through(store.url) });
  const work = connection.effectOnce(async (client) => {
    await client.query('INSERT INTO t VALUES (1)');
    proxy.dropSilently();
    await client.query('INSERT INTO t VALUES (2)');
    return null;
  });
  await expect(work).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  // Its locks are free too.
  await store.gone('ls/7/1/1');
  await store.attempt({ attempt: 2 }).connection.effectOnce(async (client) => {
    await client.query('INSERT INTO t VALUES (3)');
    return null;
  });
  expect(await store.rows()).toEqual([3]);
});

test('a statement that the server still works on is waited for, and one whose backend is gone is not', async () => {
  const store = await target();
  await store.openFence();
  const proxy = await store.proxy();
  const { connection } = store.attempt({ url: proxy.through(store.url) });
  const holder = await store.session();
  await holder.run('BEGIN');
  await holder.run('LOCK TABLE t');
  let isOver = false;
  const work = connection
    .effectSession((client) => client.query('INSERT INTO t VALUES (1)').then(() => null))
    .finally(() => (isOver = true));
  const refused = expect(work).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  await store.blocked('ls/7/1/1');
  proxy.dropSilently();
  const watch = await store.session();
  // The one that asks has the name of those that it asks about, and a statement of its own.
  const asked = () =>
    watch.run(
      `SELECT 1 FROM pg_stat_activity WHERE application_name = 'ls/7/1/1' AND query LIKE '%pg_terminate_backend%'`,
    );
  await waitUntil(asked, (rows) => rows.length > 0, { what: 'a look at the backend' });
  await waitUntil(asked, (rows) => rows.length === 0, { what: 'the look to be over' });
  expect(isOver).toBe(false);
  // As keep-alives do, when nothing answers them.
  await watch.run(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ls/7/1/1' AND wait_event_type = 'Lock'`,
  );
  await refused;
  await holder.run('ROLLBACK');
  expect(await store.rows()).toEqual([]);
});
