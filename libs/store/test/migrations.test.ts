import { waitUntil } from '@longshore/test-kit';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { checkSchema, isStoreAway, migrateStore, openStore, renewLeadership, type Store } from '../src/index.ts';
import { openMigratingStore } from '../src/schema/migrate.ts';
import { inTransaction } from '../src/session/transactions.ts';
import { testStore, useStoreServer } from './fixtures/store-server.ts';
import { addNode, lead, leadingOwner, LONG_MS, runningTask, submit } from './fixtures/tasks.ts';
import { MIGRATIONS } from '../src/schema/migrations/index.ts';

const server = useStoreServer();
/** All migrations, in order. */
const NAMES = Object.keys(MIGRATIONS);

async function withStore<T>(url: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore({ url, applicationName: 'test' });
  return work(store).finally(() => store.close());
}

test('an empty database is brought to the newest schema, and a second call changes nothing', async () => {
  const url = await server.emptyDatabase();
  const first = await migrateStore(url);
  expect(first).toEqual({ applied: NAMES, version: NAMES.at(-1) });
  expect(await migrateStore(url)).toEqual({ applied: [], version: NAMES.at(-1) });
  await withStore(url, checkSchema);
});

test('of 20 processes that start at once, one migrates and all find the schema', async () => {
  const url = await server.emptyDatabase();
  const results = await Promise.all(Array.from({ length: 20 }, () => migrateStore(url)));
  expect(
    results
      .map((result) => result.applied.length)
      .toSorted()
      .at(-1),
  ).toBe(NAMES.length);
  expect(results.filter((result) => result.applied.length > 0)).toHaveLength(1);
  await withStore(url, checkSchema);
});

test('a database without the schema is told apart from one of an older version only by what it lacks', async () => {
  const url = await server.emptyDatabase();
  await withStore(url, async (store) => {
    await expect(checkSchema(store)).rejects.toMatchObject({ code: 'STORE_SCHEMA_OLD', permanent: true });
  });
});

test('a database that a newer version migrated is refused by the services and by migrate, which change nothing', async () => {
  const store = await server.ownStore();
  const session = await store.session();
  await session.run(`INSERT INTO migrations (name, timestamp) VALUES ('9999-from-the-future', '2999')`);
  await expect(checkSchema(store.process('service'))).rejects.toMatchObject({
    code: 'STORE_SCHEMA_NEWER',
    message: expect.stringContaining('9999-from-the-future') as unknown,
  });
  await expect(migrateStore(store.url)).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
  expect(await session.run('SELECT name FROM migrations ORDER BY name')).toEqual([
    ...NAMES.map((name) => ({ name })),
    { name: '9999-from-the-future' },
  ]);
});

test('a server that cannot be reached gives STORE_UNAVAILABLE', async () => {
  const url = (await server.emptyDatabase()).replace(/:\d+\//, ':1/');
  await expect(migrateStore(url)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', permanent: false });
});

// Tried: the services' time-outs (10 s for a lock, 30 s for a statement) in the migrating sessions too. Whoever waited for a
// long migration failed, and so did an index on a large table.
test('migrating sessions have no time-outs, so that a long migration is waited for', async () => {
  const store = openMigratingStore(await server.emptyDatabase());
  for (const name of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) {
    const { rows } = await sql<{ value: string }>`SELECT current_setting(${name}) AS value`.execute(store.db);
    expect(rows, name).toEqual([{ value: '0' }]);
  }
  await store.close();
});

test('settings and a name in the URL of the store do not replace ours', async () => {
  const { url } = await server.ownStore();
  const store = testStore(`${url}?application_name=theirs&options=-c%20search_path%3Dpublic%20-c%20work_mem%3D8MB`);
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  await runningTask(store.db, owner, node, { rows: 1 });
  const session = await store.session();
  const names = await session.run<{ application_name: string }>(
    'SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  expect(names.map((row) => row.application_name)).toEqual(['test']);
});

// Tried: no isolation level for statements outside of a transaction. With this default of the server the renewal that waited for
// another write failed with 40001 instead of finding what the other had written.
test('a server whose default is SERIALIZABLE changes nothing: a renewal waits for an open write and then holds', async () => {
  const store = await server.ownStore();
  const session = await store.session();
  await session.run(
    `ALTER DATABASE ${new URL(store.url).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`,
  );
  const lease = await lead(store.process('leader').db, 'owner');
  await session.run('BEGIN ISOLATION LEVEL READ COMMITTED');
  await session.run(`UPDATE leases SET expires_at = expires_at + interval '1s' WHERE name = 'owner'`);
  const renewing = renewLeadership(store.process('renewing').db, lease, LONG_MS);
  await store.blocked('renewing');
  await session.run('COMMIT');
  expect(await renewing).toBe(true);
});

test('a process that was stopped in the middle of a transaction finds the store away, not its statement wrong', async () => {
  const store = await server.ownStore();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const stopped = openStore({
    url: store.url,
    applicationName: 'stopped',
    settings: { idle_in_transaction_session_timeout: '20ms' },
  });
  const session = await store.session();
  const failure = inTransaction(stopped.db, async (tx) => {
    await sql`SELECT 1`.execute(tx);
    await waitUntil(
      () => session.run(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'stopped'`),
      (rows) => rows.length === 0,
      { what: 'its session is ended' },
    );
    await sql`SELECT 1`.execute(tx);
  });
  await expect(failure).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', permanent: false });
  // The process may also have sent its next statement before it read of the end; then that statement fails with the server's words.
  const words = new Error('terminating connection due to idle-in-transaction timeout');
  expect(isStoreAway(Object.assign(words, { code: '25P03' }))).toBe(true);
  await stopped.close();
  // What has nothing to do with it goes on.
  await runningTask(store.db, owner, node, { rows: 1 });
});

// ✗ tried: the level that the session has by default. A claim that had waited for its task failed instead of reading it anew.
test('a transaction of ours is READ COMMITTED whatever its session has by default', async () => {
  const store = await server.store();
  const { db } = store.process('other-default', { default_transaction_isolation: 'serializable' });
  const level = await inTransaction(db, async (tx) => {
    const { rows } = await sql<{ level: string }>`SELECT current_setting('transaction_isolation') AS level`.execute(tx);
    return rows;
  });
  expect(level).toEqual([{ level: 'read committed' }]);
});

// ✗ tried: a foreign key from subtasks to their task. Each row of a page locks the task for it, and waits for whoever owns the task.
test('nothing that is written of a subtask locks its task by itself', async () => {
  const store = await server.store();
  const session = await store.session();
  const keys = await session.run(
    `SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'longshore'::regnamespace`,
  );
  expect(keys).toEqual([]);
  const taskId = await submit(store.db);
  await session.run('BEGIN');
  await session.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [taskId]);
  const writing = await store.session();
  await writing.run(`SET lock_timeout = '1s'`);
  await writing.run(
    `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
     VALUES ($1, 'work', 'load', 1, 1, 'pending', 'n1', true, '{}')`,
    [taskId],
  );
  await session.run('ROLLBACK');
});
