import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { cancelTask, pauseTask, readSchedulingSnapshot, readTask, resumeTask } from '../src/index.ts';
import { inTransaction } from '../src/session/transactions.ts';
import { useStoreServer } from './fixtures/store-server.ts';
import { addNode, claim, leadingOwner, runningTask, settle, SUCCEEDED } from './fixtures/tasks.ts';

const server = useStoreServer();

/** How often a text is sent at least until it is prepared and planned for all parameters. */
const OFTEN = 12;
const TABLES = [
  'tasks',
  'task_history',
  'task_keys',
  'task_steps',
  'subtasks',
  'subtask_history',
  'task_events',
  'nodes',
  'leases',
];

test('what is sent often is prepared, and what is sent once is not', async () => {
  const { db } = await server.store();
  const send = (text: string): Promise<unknown> => inTransaction(db, (tx) => sql.raw(text).execute(tx));
  await send('SELECT 1 AS once');
  for (let count = 0; count < OFTEN; count++) await send('SELECT 1 AS often');
  const { rows } = await sql<{ statement: string }>`
    SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'SELECT 1 AS %'`.execute(db);
  expect(rows).toEqual([{ statement: 'SELECT 1 AS often' }]);
});

// ✗ tried: Postgres' own choice. It planned what joins with an array for each array anew, as it takes one that it knows for shorter.
test('a session plans once what is sent often, whatever its parameters are', async () => {
  const { db } = await server.store();
  const ids = sql<{
    id: string;
  }>`SELECT s.id FROM unnest(${['1', '2']}::bigint[]) AS wanted (id) JOIN subtasks s USING (id)`;
  for (let count = 0; count < OFTEN; count++) await inTransaction(db, (tx) => ids.execute(tx));
  const { rows } = await sql<{ generic: string; custom: string }>`
    SELECT generic_plans AS generic, custom_plans AS custom FROM pg_prepared_statements WHERE statement LIKE 'SELECT s.id FROM unnest%'`.execute(
    db,
  );
  expect(rows).toEqual([{ generic: expect.not.stringMatching(/^0$/) as string, custom: '0' }]);
});

test('a name stands for its text alone: it is the same in every process, in whatever order they send what', async () => {
  const { db } = await server.store();
  const text = `SELECT 'a text with a name' AS named`;
  for (let count = 0; count < OFTEN; count++) await inTransaction(db, (tx) => sql.raw(text).execute(tx));
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM pg_prepared_statements WHERE statement = ${text}`.execute(db);
  const hash = createHash('sha256').update(text).digest('hex');
  expect(rows).toEqual([{ name: `longshore_${hash.slice(0, 32)}` }]);
});

test('a statement that failed in one transaction is carried out by the next, though it was sent twice at once', async () => {
  const { db } = await server.store();
  const insert = (tx: Parameters<Parameters<typeof inTransaction>[1]>[0], key: number) =>
    sql`INSERT INTO task_keys (key, task_id, content_hash) VALUES (${String(key)}, ${key}, 'prepared')`.execute(tx);
  for (let count = 1; count <= OFTEN; count++) {
    const failing = inTransaction(db, (tx) => Promise.all([insert(tx, count), insert(tx, count), insert(tx, -count)]));
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    await inTransaction(db, (tx) => Promise.all([insert(tx, count), insert(tx, -count)]));
  }
  const { rows } = await sql<{ n: number }>`SELECT count(*)::int AS n FROM task_keys`.execute(db);
  expect(rows).toEqual([{ n: 2 * OFTEN }]);
});

// Tried: RETURNING s.* in the claim. Each session that had it prepared failed with «cached plan must not change result type».
test('sessions go on after a migration has added columns', async () => {
  const { db } = await server.ownStore();
  const owner = await leadingOwner(db);
  const node = await addNode(db, 'n1');
  const live = async (): Promise<void> => {
    const task = await runningTask(db, owner, node, { rows: 4 });
    await settle(db, node, await claim(db, node, task, 1), SUCCEEDED);
    await settle(db, node, await claim(db, node, task, 1), { how: 'release', reason: 'preempted' });
    await pauseTask(db, task, 'client', null);
    await owner.settle(task);
    await resumeTask(db, task, 'client', null);
    await owner.continue(task);
    await owner.saveAdmissions([{ taskId: task, reservedNodes: ['n1'], waiting: null }]);
    await settle(db, node, await claim(db, node, task, 3), SUCCEEDED);
    await owner.finish(task, null);
    const canceled = await runningTask(db, owner, node, { rows: 2 });
    await cancelTask(db, canceled, 'client', null);
    await owner.stop(canceled);
    await owner.endPending(canceled);
    await owner.undo(canceled, null);
    for (const one of [task, canceled]) {
      await owner.archive(one);
      expect(await readTask(db, one)).toMatchObject({ outcome: one === task ? 'succeeded' : 'canceled' });
    }
    expect(await readSchedulingSnapshot(db)).toEqual([]);
  };
  for (let count = 0; count < OFTEN; count++) await live();
  for (const table of TABLES) await sql`ALTER TABLE ${sql.table(table)} ADD COLUMN added_later integer`.execute(db);
  await live();
});
