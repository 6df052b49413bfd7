import { expect, test } from 'vitest';
import { waitUntil } from '@longshore/test-kit';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

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
  // By the server's clock, longer than the silence after which a look asks it.
  const [dropped] = await watch.run<{ at: string }>('SELECT clock_timestamp()::text AS at');
  await waitUntil(
    () => watch.run(`SELECT 1 WHERE clock_timestamp() > $1::timestamptz + interval '8 s'`, [dropped?.at]),
    (rows) => rows.length > 0,
    { what: 'time for a look at the backend' },
  );
  expect(isOver).toBe(false);
  // As keep-alives do, when nothing answers them.
  await watch.run(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ls/7/1/1' AND wait_event_type = 'Lock'`,
  );
  await refused;
  await holder.run('ROLLBACK');
  expect(await store.rows()).toEqual([]);
});
