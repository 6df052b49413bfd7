import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { inTransaction } from '../src/session/transactions.ts';
import { useStoreServer } from './fixtures/store-server.ts';

const server = useStoreServer();

const insertKey = (key: string) => sql`INSERT INTO task_keys (key, task_id, content_hash) VALUES (${key}, ${key}, '')`;
const countKeys = sql<{ n: number }>`SELECT count(*)::int AS n FROM task_keys`;

test('statements that are sent together are carried out in their order, each with a snapshot of its own', async () => {
  const { db } = await server.store();
  const answers = await inTransaction(db, (tx) =>
    Promise.all([
      countKeys.execute(tx),
      insertKey('1').execute(tx),
      countKeys.execute(tx),
      insertKey('2').execute(tx),
      countKeys.execute(tx),
    ]),
  );
  expect(answers.map(({ rows }) => rows[0])).toEqual([{ n: 0 }, undefined, { n: 1 }, undefined, { n: 2 }]);
});

// COMMIT overtook the last statements when those were sent through Kysely: they ran outside of the transaction.
test('what ends a transaction is committed with it, and answers', async () => {
  const { db } = await server.store();
  const [, counted] = await inTransaction(db, async (tx, commit) => {
    await countKeys.execute(tx);
    return commit([insertKey('1'), countKeys], 'settle.before-commit');
  });
  expect(counted?.rows).toEqual([{ n: 1 }]);
});

test('nothing is committed when the last statement fails, and its error is what is thrown', async () => {
  const { db } = await server.store();
  const failing = inTransaction(db, (_tx, commit) =>
    commit([insertKey('1'), insertKey('1'), countKeys], 'settle.before-commit'),
  );
  await expect(failing).rejects.toMatchObject({ code: '23505' });
  expect((await countKeys.execute(db)).rows).toEqual([{ n: 0 }]);
});

test('nothing is committed when work swallows the error of a statement', async () => {
  const { db } = await server.store();
  const swallowing = inTransaction(db, async (tx) => {
    await insertKey('1').execute(tx);
    await insertKey('1')
      .execute(tx)
      .catch(() => undefined);
  });
  await expect(swallowing).rejects.toThrow('rolled back');
  expect((await countKeys.execute(db)).rows).toEqual([{ n: 0 }]);
});

test('a session that is ended in the middle fails all that was sent, and the next one works', async () => {
  const { db } = await server.store();
  const ended = inTransaction(db, (tx) =>
    Promise.all([sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(tx), countKeys.execute(tx)]),
  );
  await expect(ended).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect((await inTransaction(db, (tx) => countKeys.execute(tx))).rows).toEqual([{ n: 0 }]);
});
